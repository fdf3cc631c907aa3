#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// What a recorded link allows: how old pictures of a size are at least, whoever
// sends, and what a sender has that never lets one wait for another.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { freshness, ownGaps } from './uplink/judge.mjs';

const USAGE = `usage: tools/bench bound [OPTION…] TRACE…

Prints, for pictures of several sizes over each trace (mahimahi's format), in
virtual time, without loss, sound or time to encode:

at best    the age of the picture shown, if each packet that may pass ended the
           freshest picture that could be through by then. No sender whose
           pictures all have so many packets or more shows younger ones.
the rest   of a sender whose pictures are all of that size, each taken as soon as
           the link is free. No bound: who varies the size may do better.

  --seconds N   so much of each trace (all of it)
  --delay MS    each way (25)
  --fps N       (30)
  --kbps N      cap of what a link is said to carry, as in uplink (6000)

kb/s: of pictures. delivered: of what the link could carry. The other figures are
those of tools/bench uplink; docs/bench-uplink.md.`;

const PACKET_BYTES = 1504; // mahimahi's
const SIZES = [1, 2, 4, 6, 8, 10, 12];

/**
 * @param {number[]} chances when a packet may pass, in ms
 * @param {number} packets of each picture
 * @param {{ seconds: number, fps: number, delay_ms: number }} options
 */
function play(chances, packets, { seconds, fps, delay_ms }) {
  const pictures = [];
  let next = 0;
  let free_ms = 0;
  for (let number = 0; number < seconds * fps; number++) {
    const taken_ms = number * 1000 / fps;
    if (taken_ms < free_ms) continue;
    while (next < chances.length && chances[next] < taken_ms) next++;
    next += packets;
    if (next > chances.length) break;
    free_ms = chances[next - 1];
    pictures.push({ taken_ms, number, arrived_ms: free_ms + delay_ms });
  }
  return pictures;
}

/**
 * Pictures as if each had the link to itself.
 * @param {number[]} chances
 * @param {number} packets
 * @param {{ fps: number, delay_ms: number }} options
 */
function atBest(chances, packets, { fps, delay_ms }) {
  return chances.slice(packets - 1).map((ms, i) => {
    const number = Math.floor(chances[i] * fps / 1000);
    return { taken_ms: number * 1000 / fps, number, arrived_ms: ms + delay_ms };
  });
}

/**
 * Packets that could pass, below the cap in each second.
 * @param {number[]} chances
 * @param {number} seconds
 * @param {number} kbps
 */
function capacityBytes(chances, seconds, kbps) {
  const bytes = new Array(Math.ceil(seconds)).fill(0);
  for (const ms of chances) bytes[Math.floor(ms / 1000)] += PACKET_BYTES;
  return bytes.reduce((sum, one) => sum + Math.min(one, kbps * 125), 0);
}

/** @param {number} share */
const percent = (share) => (100 * share).toFixed(2);

const { values, positionals } = parseArgs({ allowPositionals: true, options: {
  seconds: { type: 'string' },
  delay: { type: 'string', default: '25' },
  fps: { type: 'string', default: '30' },
  kbps: { type: 'string', default: '6000' },
  help: { type: 'boolean', short: 'h' } } });

if (values.help || positionals.length === 0) {
  console.log(USAGE);
  process.exitCode = values.help ? 0 : 2;
}
for (const file of positionals) {
  const text = await readFile(file, 'utf8').catch((error) => {
    console.error(`tools/bench bound: cannot read ${file}: ${error.message}`);
    process.exit(1);
  });
  const all = text.trim().split('\n').map(Number);
  if (!(/** @type {number} */ (all.at(-1)) > 0) || all.some((ms, i) =>
    !Number.isInteger(ms) || ms < (all[i - 1] ?? 0))) {
    console.error(`tools/bench bound: ${file} is not a trace in mahimahi's format`
      + ': a time in ms a line, ascending');
    process.exit(1);
  }
  const seconds = Math.min(Number(values.seconds ?? Infinity),
    /** @type {number} */ (all.at(-1)) / 1000);
  const chances = all.filter((ms) => ms < seconds * 1000);
  const own = ownGaps(text, seconds);
  const could = capacityBytes(chances, seconds, Number(values.kbps));
  console.log(`\n${basename(file)}, ${seconds} s; silent for long: ${
    percent(own)} % of the time\n
| packets a picture | age at best p50 / p95 / p99 ms | kb/s | delivered | delay p50 / p95 / p99 ms | age p50 / p95 / p99 ms | late % | freeze beyond % |
|---|---|---|---|---|---|---|---|`);
  for (const packets of SIZES) {
    const options = { seconds, fps: Number(values.fps),
      delay_ms: Number(values.delay) };
    const pictures = play(chances, packets, options);
    const bytes = pictures.length * packets * PACKET_BYTES;
    const [best, figures] = [atBest(chances, packets, options), pictures].map(
      (some) => freshness(
        /** @type {import('./uplink/judge.mjs').Picture[]} */ (some), 0,
        seconds * 1000, own));
    console.log(`| ${[packets, best.age_ms.join(' / '),
      Math.round(bytes / 125 / seconds),
      (bytes / could).toFixed(2), figures.delay_ms.join(' / '),
      figures.age_ms.join(' / '), percent(figures.late ?? NaN),
      percent(figures.freeze_beyond ?? NaN)].join(' | ')} |`);
  }
}
