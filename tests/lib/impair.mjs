// SPDX-License-Identifier: Apache-2.0
// Bad links between network namespaces (tools/impair).

import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BUILD, Daemon } from './daemons.mjs';

/**
 * One direction, in a second or in all the time.
 * @typedef {{ in: { packets: number, bytes: number },
 *   out: { packets: number, bytes: number },
 *   drops: { queue: number, loss: number, outage: number, refused: number },
 *   marked: number, capacity_bytes: number, queued_bytes: number,
 *   queue_ms: { p50: number, p95: number, max: number } }} Lane
 */
/** @typedef {{ kind: string, at_ms: number, up: Lane, down: Lane }} Passed */
/** @typedef {{ namespace: string, device: string, address: string }} End */

export class Link {
  /**
   * @param {Daemon} daemon
   * @param {string} control
   */
  constructor(daemon, control) {
    this.daemon = daemon;
    this.control = control;
  }

  /** @param {string} line such as "up rate=600k", "cut 30", "restore" */
  async tell(line) {
    await appendFile(this.control, `${line}\n`);
  }

  /** @returns {Passed[]} by the second */
  get seconds() {
    return this.lines('second');
  }

  /** @param {string} kind @returns {Passed[]} */
  lines(kind) {
    return this.daemon.log.split('\n').slice(0, -1)
      .filter((line) => line.startsWith(`{"kind":"${kind}"`))
      .map((line) => JSON.parse(line));
  }

  /** Ends it; both devices are gone. */
  async end() {
    await this.daemon.stop();
    return this.lines('total')[0];
  }
}

/**
 * Joins two namespaces; "up" is from `near` to `far`.
 * @param {import('node:test').TestContext} t
 * @param {{ folder: string, near: End, far: End, both?: string, up?: string,
 *   down?: string, seed?: number }} options
 */
export async function startLink(t, options) {
  const { folder, near, far, seed = 1 } = options;
  const end = (/** @type {End} */ { namespace, device, address }) =>
    `${namespace}:${device}:${address}`;
  const control = join(folder, `${near.namespace}-${near.device}.control`);
  const argv = [join(BUILD, 'tests/impair/bl-impair'), '--near', end(near),
    '--far', end(far), '--seed', String(seed), '--control', control];
  for (const way of /** @type {const} */ (['both', 'up', 'down'])) {
    const settings = options[way];
    if (settings) argv.push(`--${way}`, settings);
  }
  const daemon = new Daemon(`link ${near.device}`, argv);
  t.after(() => daemon.stop());
  await daemon.says(/^ready/m);
  return new Link(daemon, control);
}
