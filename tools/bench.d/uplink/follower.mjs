// SPDX-License-Identifier: Apache-2.0
// A sender without encoder, sound or pacer: each picture is exactly as large as
// what passed lately lets it hope for. A real one may come near to it.

const SPAN_MS = 400;
const BINS = 6;
const HOPED = 0.95; // of the rate
const QUEUE_MS = 20; // that it lets wait
const START = 0.2; // packets a millisecond, before anything is known
const FASTEST = 1.5; // that it believes
const SLOWEST = 0.15; // of the mean that it falls to

/**
 * @typedef {{ from_ms: number, passed_ms: number }} Packet when the link was
 *   free for it, and when it passed
 */

/**
 * Packets a millisecond while something waited, in the last `SPAN_MS` before
 * `known_ms`: their mean, less `caution` times their standard deviation.
 * @param {Packet[]} packets
 * @param {number} known_ms
 * @param {number} caution
 * @returns {number | null} null where nothing waited
 */
function rateOf(packets, known_ms, caution) {
  const bins = Array.from({ length: BINS }, () => ({ packets: 0, ms: 0 }));
  const bin_ms = SPAN_MS / BINS;
  /** @param {number} ms */
  const nth = (ms) => Math.min(BINS - 1, Math.floor((known_ms - ms) / bin_ms));
  for (const { from_ms, passed_ms } of packets) {
    const end_ms = Math.min(passed_ms, known_ms);
    for (let at = Math.max(from_ms, known_ms - SPAN_MS); at < end_ms;) {
      const bin = nth(at);
      const next = Math.max(Math.min(end_ms, known_ms - bin * bin_ms), at + 1e-6);
      bins[bin].ms += next - at;
      at = next;
    }
    if (passed_ms <= known_ms && passed_ms > known_ms - SPAN_MS)
      bins[nth(passed_ms)].packets++;
  }
  for (const bin of bins) bin.ms = Math.max(bin.ms, bin.packets / FASTEST);
  const ms = bins.reduce((sum, bin) => sum + bin.ms, 0);
  if (ms === 0) return null;
  const mean = bins.reduce((sum, bin) => sum + bin.packets, 0) / ms;
  const variance = bins.reduce((sum, bin) => bin.ms === 0 ? sum
    : sum + bin.ms * (bin.packets / bin.ms - mean) ** 2, 0) / ms;
  return Math.max(mean - caution * Math.sqrt(variance), SLOWEST * mean);
}

/**
 * @param {number[]} chances when a packet may pass, in ms
 * @param {number} caution
 * @param {{ seconds: number, fps: number, delay_ms: number, most: number,
 *   phase_ms: number }} options `most`: packets in a picture; `phase_ms`: when
 *   the first is taken
 */
export function follow(chances, caution,
  { seconds, fps, delay_ms, most, phase_ms }) {
  const pictures = [];
  /** @type {Packet[]} */
  let packets = [];
  let rate = START;
  let next = 0;
  for (let number = 0; number < seconds * fps; number++) {
    const taken_ms = number * 1000 / fps + phase_ms;
    const known_ms = taken_ms - 2 * delay_ms;
    packets = packets.filter((p) => p.passed_ms > known_ms - SPAN_MS);
    rate = rateOf(packets, known_ms, caution) ?? rate;
    const unknown = packets.filter((p) => p.passed_ms > known_ms).length;
    let n = Math.floor(Math.min(HOPED * rate * 1000 / fps, most,
      rate * (2 * delay_ms + QUEUE_MS) - unknown));
    // One has to find out.
    if (n < 1 && unknown > 0) continue;
    n = Math.max(n, 1);
    while (next < chances.length && chances[next] < taken_ms) next++;
    if (next + n > chances.length) break;
    for (const passed_ms of chances.slice(next, next + n)) {
      const before_ms = packets.at(-1)?.passed_ms ?? 0;
      packets.push({ from_ms: Math.max(taken_ms, before_ms), passed_ms });
    }
    next += n;
    pictures.push({ taken_ms, number, packets: n,
      arrived_ms: chances[next - 1] + delay_ms });
  }
  return pictures;
}
