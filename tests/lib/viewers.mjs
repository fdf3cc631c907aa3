// SPDX-License-Identifier: Apache-2.0
// Viewers that don't decode (tests/peer, bl-viewers), and what they report.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BUILD, Daemon } from './daemons.mjs';

/**
 * All viewers, over about a second.
 * @typedef {{ at_ms: number, connected: number, closed: number,
 *   failed: number, fps_min: number, fps_mean: number, sounds_min: number,
 *   keyframes: number, lost: number, repaired: number, ssrc_changes: number,
 *   jumps: number, gap_ms: number, age_ms: number | null,
 *   sound_gap_ms: number, sound_age_p95_ms: number | null }} Second
 */
/**
 * One track of one viewer, over all its time.
 * @typedef {{ ssrc: number, packets: number, frames: number, fps: number,
 *   keyframes: number, first_ms: number | null, lost_after_repair: number,
 *   repaired: number, duplicates: number, sequence_jumps: number,
 *   timestamp_regressions: number, ssrc_changes: number, gap_ms: number,
 *   age_ms: number | null, age_p95_ms: number | null,
 *   age_max_ms: number | null, width: number, height: number }} Track
 */
/**
 * @typedef {{ error: string | null, connected_ms: number | null,
 *   closed_ms: number | null, byes: number, unauthentic: number,
 *   video: Track, audio: Track }} Viewed
 */

let started = 0;

export class Viewers {
  /** @param {Daemon} daemon */
  constructor(daemon) {
    this.daemon = daemon;
  }

  /** @returns {Second[]} the seconds reported so far */
  get seconds() {
    const lines = this.daemon.log.split('\n').slice(0, -1);
    return lines.filter((line) => line.startsWith('{"at_ms"'))
      .map((line) => JSON.parse(line))
      .filter((line) => 'connected' in line);
  }

  /**
   * Waits for the next second, from now on, that is as described.
   * @param {string} what
   * @param {(second: Second) => boolean} described
   * @param {number} [ms]
   */
  async until(what, described, ms = 20000) {
    const until = performance.now() + ms;
    let seen = this.seconds.length;
    while (performance.now() < until) {
      if (!this.daemon.running) {
        throw new Error(`the viewers ended:\n${this.daemon.log.slice(-2000)}`);
      }
      const fresh = this.seconds.slice(seen);
      const found = fresh.find(described);
      if (found) return found;
      seen += fresh.length;
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`viewers: not ${what} within ${ms} ms:\n${
      this.daemon.log.slice(-3000)}`);
  }

  /** Everybody sees and hears, in time. */
  live(ms = 20000) {
    const { count } = this;
    return this.until('live', (second) => second.connected === count
      && second.fps_min >= 15 && second.sounds_min >= 25
      && second.age_ms !== null && second.age_ms < 1000, ms);
  }

  /**
   * Waits for so many more reports of a second.
   * @param {number} count
   */
  async passed(count) {
    const from = this.seconds.length;
    await this.until(`${count} s later`,
      () => this.seconds.length >= from + count, 20000 + 1000 * count);
  }

  count = 1;

  /**
   * They leave, or left by themselves.
   * @returns {Promise<Viewed[]>}
   */
  async end() {
    if (this.daemon.running) this.daemon.process.kill('SIGINT');
    await this.daemon.ended;
    const line = this.daemon.log.split('\n')
      .find((text) => text.includes('"viewers":['));
    if (!line) throw new Error(`no report:\n${this.daemon.log.slice(-2000)}`);
    return JSON.parse(line).viewers;
  }
}

/**
 * One connection from beginning to end, whatever happened on the other side
 * of the relay. Packets may be lost, and what is repaired may come twice.
 * @param {Viewed} viewed
 */
export function assertContinuous({ unauthentic, video, audio }) {
  for (const track of [video, audio]) {
    assert.ok(track.frames > 0, 'nothing came');
    assert.equal(track.sequence_jumps, 0, 'sequence numbers jumped');
    assert.equal(track.timestamp_regressions, 0, 'timestamps went back');
    assert.equal(track.ssrc_changes, 0, 'the SSRC changed');
  }
  assert.equal(unauthentic, 0, 'packets without authenticity');
}

/**
 * The same, and nothing is lost, nothing comes twice.
 * @param {Viewed} viewed
 */
export function assertUnbroken(viewed) {
  assertContinuous(viewed);
  for (const track of [viewed.video, viewed.audio]) {
    assert.equal(track.lost_after_repair, 0, 'packets lost');
    assert.equal(track.duplicates, 0, 'packets came twice');
  }
}

/**
 * Starts `count` viewers of a call.
 * @param {import('node:test').TestContext} t
 * @param {{ folder: string, namespace?: string, url: string, ca?: string,
 *   token?: string, count?: number, flood?: number, frames?: string }} options
 *   `flood`: see --flood of bl-viewers; `frames`: where
 *   to write what the first of them could show
 */
export async function watch(t, options) {
  const { folder, namespace, url, ca, token, count = 1 } = options;
  const argv = [join(BUILD, 'tests/peer/bl-viewers'), '--url', url,
    '--count', String(count)];
  if (ca) argv.push('--ca', ca);
  if (options.flood) argv.push('--flood', String(options.flood));
  if (options.frames) argv.push('--frames', options.frames);
  if (token) {
    const file = join(folder, `viewers-${++started}.token`);
    await writeFile(file, token, { mode: 0o600 });
    argv.push('--token-file', file);
  }
  const viewers = new Viewers(new Daemon('viewers', argv, { namespace }));
  viewers.count = count;
  t.after(() => viewers.daemon.stop());
  return viewers;
}
