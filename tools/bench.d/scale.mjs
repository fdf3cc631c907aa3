#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Does a second worker bring its core's capacity? The same viewers on one call
// and one worker, and on two calls and two workers.

import { parseArgs } from 'node:util';
import { cpus } from 'node:os';
import { Bench, OurServer, machine, median } from './lib.mjs';

const USAGE = `usage: tools/bench scale [--viewers N] [--runs N] [--seconds N]

Measures the CPU time of a forwarded packet with one worker and one call of N
viewers (100), and with two workers and two such calls. Capacity is what a core
could forward at that cost; on two cores loadgen needs one itself, so this is
time on the cores, not a throughput. Root only.`;

const { values: options } = parseArgs({ options: {
  viewers: { type: 'string', default: '100' },
  runs: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '10' },
  help: { type: 'boolean', short: 'h', default: false },
} });
const EDS = ['north', 'south'];

/**
 * µs a packet of a relay with so many workers, each with a call of its own.
 * @param {Bench} bench
 * @param {number} workers
 */
async function measure(bench, workers) {
  const server = new OurServer(bench, { workers, eds: EDS,
    viewers: Math.max(128, Number(options.viewers)) });
  await server.start();
  const loads = await Promise.all(EDS.slice(0, workers).map(async (ed) =>
    bench.load([...await server.args(ed), '--viewers', options.viewers,
      '--seconds', options.seconds])));
  await server.stop();
  // Each saw the CPU time of the whole relay, and its own packets.
  const cpu = median(loads.map((load) => load.server?.cpu ?? NaN));
  const packets = loads.reduce((sum, load) => sum + load.delivered_per_s, 0);
  const loss = Math.max(...loads.map((load) => load.loss));
  return { us: cpu / packets * 1e6, loss };
}

async function main() {
  const bench = new Bench();
  try {
    await bench.open();
    await bench.prepareStream();
    /** @type {Record<number, number[]>} */
    const costs = { 1: [], 2: [] };
    for (let i = 0; i < Number(options.runs); i++) {
      for (const workers of [1, 2]) {
        const { us, loss } = await measure(bench, workers);
        console.error(`run ${i + 1}: ${workers} worker(s) ${us.toFixed(2)
        } µs a packet, ${(loss * 100).toFixed(3)} % lost`);
        costs[workers].push(us);
      }
    }
    const [one, two] = [median(costs[1]), median(costs[2])];
    console.log(`${machine()}; ${options.viewers} viewers a call, medians of ${
      options.runs} runs of ${options.seconds} s`);
    console.log(`1 worker:  ${one.toFixed(2)} µs a packet`);
    console.log(`2 workers: ${two.toFixed(2)} µs a packet`);
    console.log(`capacity of 2 against 1: ${(2 * one / two).toFixed(2)} ×${
      cpus().length < 3 ? ' (in CPU time; too few cores to see it)' : ''}`);
  } finally {
    await bench.close();
  }
}

if (options.help) {
  console.log(USAGE);
} else {
  await main();
}
