// SPDX-License-Identifier: Apache-2.0
// The relay's wall clock as seen from this page, by the method of NTP: of
// several round trips the shortest says most.

import { get } from './api.js';

const KEEP = 8;

export class RelayClock {
  constructor() {
    /** @type {{ offsetMs: number, roundTripMs: number }[]} */
    this.samples = [];
  }

  /** Takes one sample; throws ApiError if the relay does not answer. */
  async measure() {
    const before = performance.now();
    const { unix_us: unixUs } = await get('/api/time');
    const after = performance.now();
    this.samples.push({
      offsetMs: unixUs / 1000 - (before + after) / 2,
      roundTripMs: after - before,
    });
    if (this.samples.length > KEEP) this.samples.shift();
  }

  get best() {
    return this.samples.reduce(
      (a, b) => (b.roundTripMs < a.roundTripMs ? b : a),
      { offsetMs: NaN, roundTripMs: Infinity });
  }

  /** The relay's Unix time in ms now, NaN before the first sample. */
  nowMs() {
    return performance.now() + this.best.offsetMs;
  }

  /** How far nowMs() may be off, in ms. */
  get uncertaintyMs() {
    return this.best.roundTripMs / 2;
  }
}
