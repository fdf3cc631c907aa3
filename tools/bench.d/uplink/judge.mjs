// SPDX-License-Identifier: Apache-2.0
// From what a viewer could show, and what the link carried, to figures.

import { readFile } from 'node:fs/promises';
import { likeness, readStamps, SHAPE, wholeTime } from './stamp.mjs';

const FRAME_MS = 1000 / SHAPE.fps;
const FREEZE_MS = 183;
const LONG_FREEZE_MS = 500;
const LATE_MS = 400;
/** A link that offers nothing for so long freezes any picture. */
const OWN_GAP_MS = FREEZE_MS - FRAME_MS;

/**
 * @typedef {{ arrived_ms: number, taken_ms: number, number: number,
 *   bytes: number, key: boolean, width?: number }} Picture
 */

/** @param {number[]} values @param {number} share */
export function quantile(values, share) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1,
    Math.floor(share * sorted.length))];
}

/**
 * @param {string} prefix of the viewer's files
 * @returns {Promise<Picture[]>}
 */
export async function readPictures(prefix) {
  const stamps = await readStamps(`${prefix}.h264`);
  const lines = (await readFile(`${prefix}.csv`, 'utf8')).trim().split('\n')
    .slice(1).map((line) => line.split(',').map(Number));
  if (stamps.length !== lines.length) {
    throw new Error(`${lines.length} pictures came, ${stamps.length} were `
      + 'decoded: they can not be told apart');
  }
  return lines.map(([arrived_us, , , bytes, , key], i) => ({
    arrived_ms: arrived_us / 1000, number: stamps[i].number, bytes,
    taken_ms: wholeTime(stamps[i].taken_ms, arrived_us / 1000),
    key: key === 1 }));
}

/**
 * How old the picture on the screen is, looked at each 5 ms.
 * @param {Picture[]} pictures
 * @param {number} from_ms
 * @param {number} to_ms
 */
function screenAges(pictures, from_ms, to_ms) {
  const ages = [];
  let next = 0;
  for (let now = from_ms; now < to_ms; now += 5) {
    while (next < pictures.length && pictures[next].arrived_ms <= now) next++;
    if (next > 0) ages.push(now - pictures[next - 1].taken_ms);
  }
  return ages;
}

/**
 * Times without a new picture, those at the ends included.
 * @param {Picture[]} shown
 * @param {number} from_ms
 * @param {number} to_ms
 */
function gaps(shown, from_ms, to_ms) {
  const times = [from_ms, ...shown.map((p) => p.arrived_ms), to_ms];
  return times.slice(1).map((time, i) => time - times[i]);
}

/** @param {number[]} all @param {number} limit @param {number} total */
function frozen(all, limit, total) {
  return all.filter((gap) => gap > limit)
    .reduce((sum, gap) => sum + gap - FRAME_MS, 0) / total;
}

/**
 * The share of time in which a trace offers nothing for long.
 * @param {string} text
 * @param {number} seconds
 */
export function ownGaps(text, seconds) {
  const times = [0, ...text.trim().split('\n').map(Number)
    .filter((ms) => ms < seconds * 1000), seconds * 1000];
  return times.slice(1).map((ms, i) => ms - times[i])
    .filter((gap) => gap > OWN_GAP_MS)
    .reduce((sum, gap) => sum + gap, 0) / (seconds * 1000);
}

/** @param {number} value @param {number} [digits] */
const round = (value, digits = 0) =>
  Number.isFinite(value) ? Number(value.toFixed(digits)) : null;

/**
 * How fresh what was shown is.
 * @param {Picture[]} all
 * @param {number} from_ms
 * @param {number} to_ms
 * @param {number} own_gaps
 */
export function freshness(all, from_ms, to_ms, own_gaps) {
  const shown = all.filter((p) => p.arrived_ms >= from_ms
    && p.arrived_ms < to_ms);
  const delays = shown.map((p) => p.arrived_ms - p.taken_ms);
  const ages = screenAges(all, from_ms, to_ms);
  const silent = gaps(shown, from_ms, to_ms);
  const numbers = shown.map((p) => p.number);
  const taken = (numbers.at(-1) ?? 0) - (numbers[0] ?? 0) + 1;
  const freeze = frozen(silent, FREEZE_MS, to_ms - from_ms);
  return {
    fps: round(shown.length * 1000 / (to_ms - from_ms), 1),
    delay_ms: [0.5, 0.95, 0.99].map((q) => round(quantile(delays, q))),
    age_ms: [0.5, 0.95, 0.99].map((q) => round(quantile(ages, q))),
    late: round(delays.filter((d) => d > LATE_MS).length / shown.length, 4),
    freeze: round(freeze, 4),
    freeze_beyond: round(freeze - own_gaps, 4),
    freezes: silent.filter((gap) => gap > FREEZE_MS).length,
    long_freezes: silent.filter((gap) => gap > LONG_FREEZE_MS).length,
    longest_ms: round(Math.max(...silent)),
    not_shown: round(1 - shown.length / taken, 4),
  };
}

/**
 * Bytes that could pass and did, a second, below the cap.
 * @param {import('../../../tests/lib/impair.mjs').Passed[][]} passed
 * @param {number} cap_bytes
 */
function useOfLinks(passed, cap_bytes) {
  let capacity = 0;
  let carried = 0;
  const seconds = Math.min(...passed.map((link) => link.length));
  for (let i = 0; i < seconds; i++) {
    const ups = passed.map((link) => link[i].up);
    capacity += Math.min(cap_bytes, ups.reduce((sum, up) =>
      sum + up.capacity_bytes, 0));
    carried += ups.reduce((sum, up) => sum + up.out.bytes, 0);
  }
  return { capacity: capacity / seconds, carried: carried / seconds };
}

/**
 * @param {{ folder: string, prefix: string, from_ms: number, to_ms: number,
 *   passed: import('../../../tests/lib/impair.mjs').Passed[][],
 *   cap_kbps: number, own_gaps: number }} run `passed`: by modem, the seconds
 *   of the measurement
 */
export async function judge(run) {
  const { from_ms, to_ms } = run;
  const all = await readPictures(run.prefix);
  const shown = all.filter((p) => p.arrived_ms >= from_ms
    && p.arrived_ms < to_ms);
  const { capacity, carried } = useOfLinks(run.passed, run.cap_kbps * 125);
  const first = all.indexOf(shown[0]);
  const bytes = shown.reduce((sum, p) => sum + p.bytes, 0)
    / ((to_ms - from_ms) / 1000);
  return {
    ...freshness(all, from_ms, to_ms, run.own_gaps),
    carried: round(carried / capacity, 3),
    delivered: round(bytes / capacity, 3),
    kbps: round(bytes / 125),
    keyframes: shown.filter((p) => p.key).length,
    ssim: shown.length > 0 ? round(await likeness(run.folder,
      `${run.prefix}.h264`, all,
      { first, end: first + shown.length, every: 15 }), 3) : null,
  };
}

/**
 * How long after a moment pictures came again, and how old the first was.
 * @param {string} prefix
 * @param {number} at_ms
 */
export async function comeback(prefix, at_ms) {
  // What was on its way before does not count.
  const first = (await readPictures(prefix)).find((p) => p.arrived_ms > at_ms
    && p.taken_ms > at_ms - 300);
  return first ? { after_ms: round(first.arrived_ms - at_ms),
    old_ms: round(first.arrived_ms - first.taken_ms) } : null;
}
