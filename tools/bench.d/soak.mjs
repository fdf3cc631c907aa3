#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Hours of use: three calls that start and end, viewers who come and go at
// random; does the relay grow, and does anybody see an error?

import { parseArgs } from 'node:util';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Bench, OurServer, machine, median } from './lib.mjs';

const USAGE = `usage: tools/bench soak [--minutes N] [--viewers N] [--seed N]

Keeps three calls going on one relay for N minutes (60): each lasts some minutes
and is followed by another; 200 viewers in all stay half a minute each and are
followed by others. Prints how memory and descriptors drift after the first ten
minutes (a sixth of shorter runs), and, to standard error, the state each minute. Root
only.
Exit status: 0 at most 1 % drift and no error, 1 otherwise.`;

// A publisher with a token may come back so long; then the call is over.
const GRACE_S = 10;
const EDS = ['north', 'south', 'east'];
const STAY_S = 30;
const SAMPLE_MS = 5000;
const TOLD_MS = 60000;

const { values: options } = parseArgs({ options: {
  minutes: { type: 'string', default: '60' },
  viewers: { type: 'string', default: '200' },
  seed: { type: 'string', default: '1' },
  help: { type: 'boolean', short: 'h', default: false },
} });

/** A small random generator, so that a run can be had again.
 * @param {number} seed
 */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Memory is what is the relay's own: pages of its program and libraries come
 * and go as the system has use for them. The heap is what it has asked for and
 * not given back.
 * @param {OurServer} server
 */
async function sample(server) {
  const { pid } = server;
  const { kib } = await server.heap();
  const smaps = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const number = (/** @type {string} */ text, /** @type {RegExp} */ pattern) =>
    Number(pattern.exec(text)?.[1]);
  return { at: performance.now(),
    heap_kib: kib,
    own_kib: number(smaps, /^Anonymous:\s+(\d+)/m),
    rss_kib: number(smaps, /^Rss:\s+(\d+)/m),
    threads: number(status, /^Threads:\s+(\d+)/m),
    fds: (await readdir(`/proc/${pid}/fd`)).length };
}

/**
 * By how much the level of the last third of `values` is above that of the
 * first third, as a share of `whole`'s level then.
 * @param {number[]} values
 * @param {number[]} [whole]
 */
function drift(values, whole = values) {
  const third = Math.max(1, Math.floor(values.length / 3));
  const before = median(values.slice(0, third));
  const base = median(whole.slice(0, third));
  return base > 0 ? (median(values.slice(-third)) - before) / base : 0;
}

/**
 * One ED's calls, one after the other, until the time is over.
 * @param {Bench} bench
 * @param {OurServer} server
 * @param {string} ed
 * @param {number} until
 * @param {() => number} chance
 */
async function keepCalling(bench, server, ed, until, chance) {
  const viewers = Math.round(Number(options.viewers) / EDS.length);
  const errors = [];
  let calls = 0;
  let joined = 0;
  while (performance.now() < until) {
    const left = (until - performance.now()) / 1000;
    const seconds = Math.max(5, Math.min(left, 60 + 240 * chance()));
    const load = await bench.load([...await server.args(ed), '--viewers',
      String(viewers), '--join-seconds', '5', '--stay-seconds', String(STAY_S),
      '--seconds', seconds.toFixed(0)]);
    calls++;
    joined += load.joined;
    if (load.failed > 0) errors.push(`${load.failed} failures: ${load.error}`);
    if (load.since_start.refused > 0) {
      errors.push(`${load.since_start.refused} packets not authentic`);
    }
    if (load.since_start.doubles > 0) {
      errors.push(`${load.since_start.doubles} packets twice`);
    }
  }
  return { calls, joined, errors };
}

async function main() {
  const bench = new Bench();
  const minutes = Number(options.minutes);
  try {
    await bench.open();
    await bench.prepareStream();
    const server = new OurServer(bench,
      { viewers: 128, eds: EDS, graceSeconds: GRACE_S });
    await server.start();
    const start = performance.now();
    const until = start + minutes * 60000;
    /** @type {Awaited<ReturnType<typeof sample>>[]} */
    const samples = [];
    /** @type {string[]} */
    const errors = [];
    const timer = setInterval(() => {
      sample(server).then((taken) => samples.push(taken),
        (error) => errors.push(`no sample: ${error.message}`));
    }, SAMPLE_MS);
    const teller = setInterval(() => {
      const { at, heap_kib, own_kib, rss_kib, fds, threads } = /** @type {any} */ (
        samples.at(-1));
      console.error(`minute ${((at - start) / 60000).toFixed(0)}: heap ${
        heap_kib.toFixed(0)} KiB, its own ${own_kib}, Rss ${rss_kib}; ${
        fds} descriptors, ${threads} threads`);
    }, TOLD_MS);
    const ends = await Promise.all(EDS.map((ed, index) => keepCalling(bench,
      server, ed, until, random(Number(options.seed) + index))));
    clearInterval(timer);
    clearInterval(teller);
    const status = await server.stop();
    errors.push(...ends.flatMap((end) => end.errors));
    if (status !== 0) errors.push(`the relay ended with ${status}`);
    const settled = start + Math.min(10, minutes / 6) * 60000;
    const kept = samples.filter(({ at }) => at >= settled && at <= until);
    const drifts = { memory: drift(kept.map((s) => s.own_kib)),
      // The heap's pools are mostly untouched: of what is in RAM.
      heap: drift(kept.map((s) => s.heap_kib), kept.map((s) => s.own_kib)),
      descriptors: drift(kept.map((s) => s.fds)),
      threads: drift(kept.map((s) => s.threads)) };
    console.log(`${machine()}; ${minutes} minutes, ${
      ends.reduce((sum, end) => sum + end.calls, 0)} calls, ${
      ends.reduce((sum, end) => sum + end.joined, 0)} viewers`);
    for (const [name, value] of Object.entries(drifts)) {
      console.log(`${name}: ${(value * 100).toFixed(2)} % drift`);
    }
    console.log(`at the end: ${kept.at(-1)?.own_kib} KiB of its own (Rss ${
      kept.at(-1)?.rss_kib} KiB); errors: ${errors.length}`);
    for (const error of errors.slice(0, 20)) console.log(`  ${error}`);
    return errors.length === 0
      && Object.values(drifts).every((value) => value <= 0.01);
  } finally {
    await bench.close();
  }
}

if (options.help) {
  console.log(USAGE);
} else {
  process.exitCode = await main() ? 0 : 1;
}
