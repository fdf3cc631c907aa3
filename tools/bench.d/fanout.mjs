#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Fan-out, measured: our relay, Debian's Janus and, if one is named, a build of
// SRS on the same recorded stream, alternating, each run with a server of its
// own; medians in one table.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { BUILD } from '../../tests/lib/daemons.mjs';
import { Bench, JanusServer, OurServer, SrsServer, machine, median }
  from './lib.mjs';

const USAGE = `usage: tools/bench fanout [option…]

Measures our relay (one worker) and Debian's Janus (package janus), as it comes
and at its best, with loadgen in a network namespace of its own (root only), and
prints a table of medians. docs/bench.md defines the figures.
  --runs N        of each (5)
  --viewers N     (100)
  --seconds N     of each measurement (10)
  --ours          our relay alone
  --limit         also the most viewers before 0.1 % loss: server on core 0,
                  loadgen on core 1
  --limit-max N   look no further (2000)
  --no-floor      leave out the floor microbenchmark
  --no-one        leave out the runs with one viewer
  --no-gro        viewers receive each datagram by itself, without UDP_GRO
  --stream FILE   another recorded stream
  --relay PROGRAM another bluelight-relay, such as an older one
  --srs PROGRAM   also this build of SRS
  --json FILE     all results, run by run
BL_BUILD: the build folder.`;

const run = promisify(execFile);

/** @typedef {import('./lib.mjs').Load} Load */
/** @typedef {OurServer | JanusServer | SrsServer} Server */
/**
 * @typedef {{ name: string, loads: Load[], ones: Load[], limit?: number,
 *   make: (bench: Bench, options: { cpu?: number, viewers?: number }) => Server
 * }} Contender
 */

const { values: options } = parseArgs({ options: {
  runs: { type: 'string', default: '5' },
  viewers: { type: 'string', default: '100' },
  seconds: { type: 'string', default: '10' },
  ours: { type: 'boolean', default: false },
  limit: { type: 'boolean', default: false },
  'limit-max': { type: 'string', default: '2000' },
  'no-floor': { type: 'boolean', default: false },
  'no-one': { type: 'boolean', default: false },
  'no-gro': { type: 'boolean', default: false },
  stream: { type: 'string' },
  relay: { type: 'string' },
  srs: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} });

/** @param {boolean} janus is it there? */
function contenders(janus) {
  /** @type {Contender[]} */
  const all = [{ name: 'bluelight', loads: [], ones: [],
    make: (bench, more) => new OurServer(bench,
      { ...more, program: options.relay }) }];
  if (janus) {
    all.push({ name: 'janus', loads: [], ones: [],
      make: (bench, more) => new JanusServer(bench, more) },
    { name: 'janus best', loads: [], ones: [],
      make: (bench, more) => new JanusServer(bench,
        { ...more, best: true, bufferKeyframe: true }) });
  }
  const { srs } = options;
  if (srs) {
    all.push({ name: 'srs', loads: [], ones: [],
      make: (bench, more) => new SrsServer(bench, { ...more, program: srs }) });
  }
  return all;
}

/**
 * One server, one load.
 * @param {Bench} bench
 * @param {Contender} contender
 * @param {{ viewers: number, seconds: number, cpus?: [number, number] }} plan
 */
async function measure(bench, contender, { viewers, seconds, cpus }) {
  const server = contender.make(bench,
    { cpu: cpus?.[0], viewers: Math.max(viewers, 128) });
  await server.start();
  try {
    return await bench.load([...await server.args(), '--viewers',
      String(viewers), '--seconds', String(seconds), '--join-seconds',
      String(Math.max(2, viewers / 50)),
      ...options['no-gro'] ? ['--no-gro'] : []], { cpu: cpus?.[1],
      heap: server instanceof OurServer ? () => server.heap() : undefined });
  } finally {
    await server.stop();
  }
}

/** The most viewers, in steps of 5 %, that lose at most 0.1 %.
 * @param {Bench} bench
 * @param {Contender} contender
 */
async function findLimit(bench, contender) {
  const holds = async (/** @type {number} */ viewers) => {
    const load = await measure(bench, contender,
      { viewers, seconds: 10, cpus: [0, 1] });
    const held = load.failed === 0 && load.complete === load.joined
      && load.loss <= 0.001;
    console.error(`  ${contender.name}: ${viewers} viewers, loss ${
      percent(load.loss)}, ${load.failed} failures, loadgen ${
      percent(load.own_cpu)} of its core, ${
      load.since_start.overflows} overflows there`);
    return held;
  };
  const most = Number(options['limit-max']);
  let good = 0;
  let bad = most + 1;
  for (let n = 100; n <= most && bad > most; n = Math.min(n * 2, most)) {
    if (await holds(n)) good = n;
    else bad = n;
    if (n === most) break;
  }
  while (bad <= most && bad - good > good * 0.05 && bad - good > 5) {
    const middle = Math.round((good + bad) / 2);
    if (await holds(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

/** @param {number} share */
function percent(share) {
  return `${(share * 100).toFixed(share < 0.01 && share > 0 ? 4 : 1)} %`;
}

/** @param {number} value */
function plain(value) {
  return Number.isNaN(value) ? '–' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1)
    : value.toFixed(2);
}

/** @typedef {(load: Load) => number} Get */

/**
 * The medians of several figures of all runs, "a / b / c".
 * @param {Load[]} loads
 * @param {...Get} gets
 */
function medians(loads, ...gets) {
  if (loads.length === 0) return '–';
  return gets.map((get) => plain(median(loads.map(get)))).join(' / ');
}

/** @param {Load[]} loads
 * @param {...Get} gets
 */
function worst(loads, ...gets) {
  if (loads.length === 0) return '–';
  return gets.map((get) => String(Math.max(...loads.map(get)))).join(' / ');
}

/** @param {Load} load */
function cpuOf(load) {
  return load.server?.cpu_us_per_packet ?? NaN;
}

/** @type {[string, (contender: Contender) => string][]} */
const ROWS = [
  ['CPU per forwarded packet, µs', ({ loads }) => medians(loads, cpuOf)],
  ['delivered packets/s', ({ loads }) => medians(loads,
    (l) => l.delivered_per_s)],
  ['added latency, p50 / p95 / p99 / max, ms', ({ loads }) => medians(loads,
    (l) => l.latency_us.p50 / 1000, (l) => l.latency_us.p95 / 1000,
    (l) => l.latency_us.p99 / 1000, (l) => l.latency_us.max / 1000)],
  ['the same at 1 viewer, µs', ({ ones }) => medians(ones,
    (l) => l.latency_us.p50, (l) => l.latency_us.p95,
    (l) => l.latency_us.p99, (l) => l.latency_us.max)],
  ['first whole keyframe, p50 / p95, ms', ({ loads }) => medians(loads,
    (l) => l.keyframe_ms.p50, (l) => l.keyframe_ms.p95)],
  ['connect, p50 / p95, ms', ({ loads }) => medians(loads,
    (l) => l.connect_ms.p50, (l) => l.connect_ms.p95)],
  ['of it until the SDP answer, p50 / p95, ms', ({ loads }) => medians(loads,
    (l) => l.answer_ms.p50, (l) => l.answer_ms.p95)],
  ['of it loadgen’s own part, p50 / p95, ms', ({ loads }) => medians(loads,
    (l) => l.connect_own_ms.p50, (l) => l.connect_own_ms.p95)],
  ['memory a viewer, KiB', ({ loads }) => medians(loads,
    (l) => l.server?.kib_per_viewer ?? NaN)],
  ['heap a viewer, KiB', ({ loads }) => medians(loads,
    (l) => l.server?.heap_kib_per_viewer ?? NaN)],
  ['threads', ({ loads }) => medians(loads, (l) => l.server?.threads ?? NaN)],
  ['worst run: lost / reordered / twice / not authentic', ({ loads }) =>
    worst(loads, (l) => l.lost, (l) => l.since_start.reordered,
      (l) => l.since_start.doubles, (l) => l.since_start.refused)],
  ['worst run: without keyframe / failures', ({ loads }) => worst(loads,
    (l) => l.joined - l.complete, (l) => l.failed)],
  ['worst run: cores that others than server and load were busy on',
    ({ loads }) => loads.length === 0 ? '–' : Math.max(...loads.map((l) =>
      l.machine_cpu - l.own_cpu - (l.server?.cpu ?? 0))).toFixed(2)],
  ['viewers before 0.1 % loss, on one core', ({ limit }) =>
    limit === undefined ? '–' : String(limit)],
];

/** @param {string[][]} rows */
function printTable(rows) {
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => row[column].length)));
  rows.forEach((row, index) => {
    console.log(`| ${row.map((cell, column) => cell.padEnd(widths[column]))
      .join(' | ')} |`);
    if (index === 0) {
      console.log(`|${widths.map((width) => '-'.repeat(width + 2))
        .join('|')}|`);
    }
  });
}

/**
 * @param {Bench} bench
 * @param {...string} args
 * @returns {Promise<{ copy_gcm_gso_us: number, with_gro_us: number }>}
 */
async function measureFloor(bench, ...args) {
  const { stdout } = await run('ip', ['netns', 'exec', bench.namespace,
    join(BUILD, 'tools/bench.d/floor'), '--json', ...args, 'base', 'gro'],
  { maxBuffer: 1 << 20 });
  return JSON.parse(stdout);
}

/** The machine's speed changes: measured again in each round, as all else. */
class Floors {
  /** @type {{ copy_gcm_gso_us: number, with_gro_us: number }[]} */
  paced = [];
  /** @type {{ copy_gcm_gso_us: number, with_gro_us: number }[]} */
  warm = [];

  /** @param {Bench} bench */
  async measure(bench) {
    this.paced.push(await measureFloor(bench, '--fps', '30', '--pairs', '15'));
    this.warm.push(await measureFloor(bench));
  }

  /** @param {number} relay_us what our relay took a packet */
  print(relay_us) {
    const gro = !options['no-gro'];
    console.log(`\nfloor of this machine, µs a packet, and our relay, whose ${
      ''}viewers ${gro ? 'take' : 'don’t take'} GRO, in floors:`);
    for (const [how, floors] of /** @type {const} */ ([
      ['at the stream’s 30 frames a second', this.paced],
      ['frame after frame, all in the cache', this.warm]])) {
      const without_us = median(floors.map((f) => f.copy_gcm_gso_us));
      const with_us = median(floors.map((f) => f.with_gro_us));
      console.log(`- ${how}: ${plain(without_us)}, ${
        plain(with_us)} when receivers take GRO; ${
        plain(relay_us / (gro ? with_us : without_us))} floors`);
    }
  }
}

/**
 * What a bare datagram takes from core to core here.
 * @param {Bench} bench
 */
async function measureWake(bench) {
  const { stdout } = await run('ip', ['netns', 'exec', bench.namespace,
    join(BUILD, 'tools/bench.d/wake')]);
  return JSON.parse(stdout);
}

async function main() {
  const bench = new Bench();
  try {
    await bench.open();
    await bench.prepareStream(options.stream);
    const janus = !options.ours && await JanusServer.isThere();
    if (!options.ours && !janus) {
      console.error('Janus is not here, so our relay is measured alone. To '
        + 'install it: tools/install bench; --ours says that it is not wanted');
    }
    const all = contenders(janus);
    const floors = options['no-floor'] ? null : new Floors();
    const wake = options['no-floor'] ? null : await measureWake(bench);
    const plan = { viewers: Number(options.viewers),
      seconds: Number(options.seconds) };
    for (let i = 0; i < Number(options.runs); i++) {
      await floors?.measure(bench);
      for (const contender of all) {
        console.error(`run ${i + 1}: ${contender.name}`);
        contender.loads.push(await measure(bench, contender, plan));
        if (!options['no-one']) {
          contender.ones.push(await measure(bench, contender,
            { ...plan, viewers: 1 }));
        }
      }
    }
    for (const contender of options.limit ? all : []) {
      contender.limit = await findLimit(bench, contender);
    }
    console.log(`${machine()}; ${plan.viewers} viewers, one stream of ${
      plain(all[0].loads[0].source.bps / 1e6)} Mb/s, medians of ${
      options.runs} runs of ${plan.seconds} s, alternating\n`);
    printTable([['', ...all.map(({ name }) => name)],
      ...ROWS.map(([name, cell]) => [name, ...all.map(cell)])]);
    floors?.print(median(all[0].loads.map(cpuOf)));
    if (wake) {
      console.log(`a bare datagram to a sleeping thread: p50 ${
        plain(wake.p50_us)} µs, p99 ${plain(wake.p99_us)} µs`);
    }
    if (options.json) {
      await writeFile(options.json, JSON.stringify({ machine: machine(), floors,
        wake, contenders: all }, null, 1));
    }
  } finally {
    await bench.close();
  }
}

if (options.help) {
  console.log(USAGE);
} else {
  await main();
}
