// SPDX-License-Identifier: Apache-2.0
// The relay's wall clock as seen from this page, by the method of NTP: of
// several round trips the shortest says most.

import { get } from './api.js';

const KEEP = 8;

/** How far two clocks may drift apart over the samples kept. */
const SLACK_MS = 10;

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
    const offsetMs = unixUs / 1000 - (before + after) / 2;
    const roundTripMs = after - before;
    // Margins that don't meet: a clock was set, or this computer slept. What
    // was measured before says nothing any more.
    const margin = (roundTripMs + this.best.roundTripMs) / 2 + SLACK_MS;
    if (Math.abs(offsetMs - this.best.offsetMs) > margin) this.samples = [];
    this.samples.push({ offsetMs, roundTripMs });
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
