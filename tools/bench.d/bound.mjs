#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// What a recorded link allows: how old pictures of a size are at least, whoever
// sends; what a sender has that never lets one wait for another; and one that
// makes them as large as it may hope will pass.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { follow } from './uplink/follower.mjs';
import { freshness, ownGaps } from './uplink/judge.mjs';

const USAGE = `usage: tools/bench bound [OPTION…] TRACE…

Prints, for pictures of several sizes over each trace (mahimahi's format), in
virtual time, without loss, sound or time to encode:

at best    the age of the picture shown, if each packet that may pass ended the
           freshest picture that could be through by then. No sender whose
           pictures all have so many packets or more shows younger ones.
the rest   of a sender whose pictures are all of that size, each taken as soon as
           the link is free. No bound: who varies the size may do better.
caution    of a sender that knows of each packet a round trip later, and makes
           each picture as large as passed of late, on average less so many
           standard deviations; the mean of eleven beginnings, 3 ms apart. Exact
           sizes, no sound, no encoder: what a real one may come near to.

  --seconds N   so much of each trace (all of it)
  --delay MS    each way (25)
  --fps N       (30)
  --kbps N      cap of what a link is said to carry, as in uplink (6000)

kb/s: of pictures. delivered: of what the link could carry. The other figures are
those of tools/bench uplink; docs/bench-uplink.md.`;

const PACKET_BYTES = 1504; // mahimahi's
const SIZES = [1, 2, 4, 6, 8, 10, 12];
const CAUTIONS = [0, 0.25, 0.5, 0.75, 1, 1.25];
const PHASES_MS = Array.from({ length: 11 }, (_, i) => 3 * i);

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
  const options = { seconds, fps: Number(values.fps),
    delay_ms: Number(values.delay) };
  /** @param {{ taken_ms: number, arrived_ms: number, number: number }[]} some */
  const judge = (some) => freshness(
    /** @type {import('./uplink/judge.mjs').Picture[]} */ (some), 0,
    seconds * 1000, own);
  for (const packets of SIZES) {
    const pictures = play(chances, packets, options);
    const bytes = pictures.length * packets * PACKET_BYTES;
    const [best, figures] = [atBest(chances, packets, options), pictures]
      .map(judge);
    console.log(`| ${[packets, best.age_ms.join(' / '),
      Math.round(bytes / 125 / seconds),
      (bytes / could).toFixed(2), figures.delay_ms.join(' / '),
      figures.age_ms.join(' / '), percent(figures.late ?? NaN),
      percent(figures.freeze_beyond ?? NaN)].join(' | ')} |`);
  }
  console.log(`
| caution | pictures a second | delivered | delay p50 / p95 / p99 ms | age p50 / p95 / p99 ms | late % | freeze beyond % |
|---|---|---|---|---|---|---|`);
  const most = Math.floor(Number(values.kbps) * 125 / options.fps
    / PACKET_BYTES);
  for (const caution of CAUTIONS) {
    const runs = PHASES_MS.map((phase_ms) => {
      const pictures = follow(chances, caution, { ...options, most, phase_ms });
      return { ...judge(pictures), shown: pictures.length / seconds,
        delivered: pictures.reduce((sum, p) => sum + p.packets, 0)
          * PACKET_BYTES / could };
    });
    /** @param {(run: (typeof runs)[0]) => number} figure */
    const mean = (figure) => runs.reduce((sum, run) => sum + figure(run), 0)
      / runs.length;
    /** @param {'delay_ms' | 'age_ms'} figure */
    const quantiles = (figure) => [0, 1, 2].map((i) =>
      Math.round(mean((run) => run[figure][i] ?? NaN))).join(' / ');
    console.log(`| ${[caution, mean((run) => run.shown).toFixed(1),
      mean((run) => run.delivered).toFixed(2), quantiles('delay_ms'),
      quantiles('age_ms'), percent(mean((run) => run.late ?? NaN)),
      percent(mean((run) => run.freeze_beyond ?? NaN))].join(' | ')} |`);
  }
}
