// SPDX-License-Identifier: Apache-2.0
// From what a viewer could show, and what the link carried, to figures.

import { readFile } from 'node:fs/promises';
import { likeness, readPositions, readStamps, SHAPE, wholeTime }
  from './stamp.mjs';

const FRAME_MS = 1000 / SHAPE.fps;
const FREEZE_MS = 183;
const SHORT_FREEZE_MS = 150; // of those who measured the peer elsewhere
const SOUND_GAP_MS = 200;
const LONG_FREEZE_MS = 500;
const LATE_MS = 400;
/** A link that offers nothing for so long freezes any picture. */
const OWN_GAP_MS = FREEZE_MS - FRAME_MS;

/**
 * @typedef {{ arrived_ms: number, taken_ms: number, number: number,
 *   timestamp: number, bytes: number, key: boolean, decoded: boolean,
 *   readable: boolean, width?: number }} Picture `timestamp`: of RTP;
 *   `readable`: its stamp could be read
 */

/** @param {number[]} values @param {number} share */
export function quantile(values, share) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1,
    Math.floor(share * sorted.length))];
}

/**
 * Pictures whose stamp can't be read, from their RTP time and that of a
 * neighbour whose stamp can: the camera is steady, and RTP tells its time.
 * @param {Picture[]} pictures
 */
export function mend(pictures) {
  const good = pictures.filter((p) => p.readable);
  let near = 0;
  for (const picture of pictures.filter((p) => !p.readable)) {
    while (near + 1 < good.length
      && good[near + 1].arrived_ms <= picture.arrived_ms) near++;
    const from = good[near];
    if (!from) continue;
    const later_ms = ((picture.timestamp - from.timestamp) | 0) / 90;
    picture.taken_ms = from.taken_ms + later_ms;
    picture.number = from.number + Math.round(later_ms / FRAME_MS);
  }
  return pictures;
}

/**
 * @param {string} prefix of the viewer's files
 * @returns {Promise<Picture[]>}
 */
export async function readPictures(prefix) {
  const stream = `${prefix}.h264`;
  const stamps = await readStamps(stream);
  const lines = (await readFile(`${prefix}.csv`, 'utf8')).trim().split('\n')
    .slice(1).map((line) => line.split(',').map(Number));
  // Only then is it worth the time to ask which of them they are.
  const at = stamps.length === lines.length ? null
    : new Map((await readPositions(stream)).map((pos, i) => [pos, i]));
  let offset = 0;
  return mend(lines.map(([arrived_us, , timestamp, bytes, , key], i) => {
    const index = at ? at.get(offset) : i;
    const stamp = index === undefined ? null : stamps[index];
    offset += bytes;
    return { arrived_ms: arrived_us / 1000, number: stamp?.number ?? NaN, bytes,
      timestamp, taken_ms: stamp ? wholeTime(stamp.taken_ms, arrived_us / 1000)
        : NaN, key: key === 1, decoded: index !== undefined,
      readable: stamp !== null && stamp !== undefined };
  }));
}

/**
 * When something new was heard, in Unix ms.
 * @param {string} prefix of the viewer's files
 */
export async function readSounds(prefix) {
  const lines = (await readFile(`${prefix}.sound.csv`, 'utf8')).trim()
    .split('\n').slice(1).map((line) => line.split(',').map(Number));
  let newest = lines[0]?.[1] - 1;
  return lines.filter(([, timestamp]) => {
    const newer = ((timestamp - newest) | 0) > 0;
    if (newer) newest = timestamp;
    return newer;
  }).map(([arrived_us]) => arrived_us / 1000);
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
 * Times without anything new, those at the ends included.
 * @param {number[]} arrivals
 * @param {number} from_ms
 * @param {number} to_ms
 */
function gaps(arrivals, from_ms, to_ms) {
  const times = [from_ms, ...arrivals, to_ms];
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
  const silent = gaps(shown.map((p) => p.arrived_ms), from_ms, to_ms);
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
    freeze_150: round(frozen(silent, SHORT_FREEZE_MS, to_ms - from_ms), 4),
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
  const bytes = shown.reduce((sum, p) => sum + p.bytes, 0)
    / ((to_ms - from_ms) / 1000);
  return {
    ...freshness(all, from_ms, to_ms, run.own_gaps),
    carried: round(carried / capacity, 3),
    delivered: round(bytes / capacity, 3),
    kbps: round(bytes / 125),
    keyframes: shown.filter((p) => p.key).length,
    unreadable: shown.filter((p) => !p.readable).length,
    ssim: await ssim(run, all, shown),
    sound: soundFigures(await readSounds(run.prefix), from_ms, to_ms),
  };
}

/**
 * @param {{ folder: string, prefix: string }} run
 * @param {Picture[]} all
 * @param {Picture[]} shown
 */
async function ssim({ folder, prefix }, all, shown) {
  const decoded = all.filter((p) => p.decoded);
  const these = shown.filter((p) => p.decoded);
  if (these.length === 0 || these.some((p) => Number.isNaN(p.number))) {
    return null;
  }
  const first = decoded.indexOf(these[0]);
  return round(await likeness(folder, `${prefix}.h264`, decoded,
    { first, end: first + these.length, every: 15 }), 3);
}

/**
 * @param {number[]} heard
 * @param {number} from_ms
 * @param {number} to_ms
 */
function soundFigures(heard, from_ms, to_ms) {
  const silent = gaps(heard.filter((at) => at >= from_ms && at < to_ms),
    from_ms, to_ms);
  return { longest_ms: round(Math.max(...silent)),
    gaps: silent.filter((gap) => gap > SOUND_GAP_MS).length };
}

/**
 * How long after a moment pictures and sound came again, and how old the first
 * picture was.
 * @param {string} prefix
 * @param {number} at_ms
 */
export async function comeback(prefix, at_ms) {
  // What was on its way before does not count.
  const first = (await readPictures(prefix)).find((p) => p.arrived_ms > at_ms
    && p.taken_ms > at_ms - 300);
  const heard = (await readSounds(prefix)).find((at) => at > at_ms);
  return { after_ms: first ? round(first.arrived_ms - at_ms) : null,
    old_ms: first ? round(first.arrived_ms - first.taken_ms) : null,
    sound_ms: heard ? round(heard - at_ms) : null };
}
