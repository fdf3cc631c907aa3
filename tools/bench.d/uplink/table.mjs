// SPDX-License-Identifier: Apache-2.0
// Runs of the same case and publisher as a row of medians, with the goal beside
// each figure that has one.

import { quantile } from './judge.mjs';

/** @typedef {import('./cases.mjs').Case} Case */
/** @typedef {{ case: string, publisher: string, [figure: string]: any }} Line */

/** Heading, the figures' paths, and how they are written. */
const COLUMNS = /** @type {[string, string[], (x: number) => string][]} */ ([
  ['delay p50 / p95 / p99 ms', ['delay_ms.0', 'delay_ms.1', 'delay_ms.2'], ms],
  ['age p50 / p95 / p99 ms', ['age_ms.0', 'age_ms.1', 'age_ms.2'], ms],
  ['screen’s age p50 / p95 / p99 ms', ['screen.age_ms.0', 'screen.age_ms.1',
    'screen.age_ms.2'], ms],
  ['late %', ['late'], percent],
  ['freeze % / beyond the trace’s', ['freeze', 'freeze_beyond'], percent],
  ['over 150 ms % / on the screen', ['freeze_150', 'screen.freeze_150'],
    percent],
  ['longest gap: picture / sound ms', ['longest_ms', 'sound.longest_ms'], ms],
  ['back: picture / its age / sound ms', ['back.after_ms', 'back.old_ms',
    'back.sound_ms'], ms],
  ['carried / delivered', ['carried', 'delivered'], share],
  ['kb/s', ['kbps'], ms],
  ['ssim', ['ssim'], (x) => x.toFixed(3).replace(/^0/, '')],
  ['width', ['width'], ms],
]);

/** @param {number} x */
function ms(x) {
  return String(Math.round(x));
}

/** @param {number} x */
function percent(x) {
  return (100 * x).toFixed(Math.abs(x) < 0.01 ? 2 : 1);
}

/** @param {number} x */
function share(x) {
  return x.toFixed(2);
}

/** @param {any} line @param {string} path @returns {number | null} */
const at = (line, path) => path.split('.').reduce(
  (value, name) => value?.[name], line) ?? null;

/** @param {Line[]} lines @param {string} path */
function median(lines, path) {
  const values = lines.map((line) => at(line, path))
    .filter((value) => value !== null);
  return values.length > 0
    ? quantile(/** @type {number[]} */ (values), 0.5) : null;
}

/**
 * A figure; with its goal, and in bold where it is missed.
 * @param {number | null} value
 * @param {[string, number] | undefined} goal
 * @param {number | null} peers Chromium's figure
 * @param {(x: number) => string} write
 */
function figure(value, goal, peers, write) {
  const text = value === null ? '–' : write(value);
  if (!goal) return text;
  const [relation, number] = goal;
  const limit = relation.endsWith('x') ? peers && peers * number : number;
  if (limit === null) return text;
  const missed = value === null
    || (relation.startsWith('<') ? value > limit : value < limit);
  const sign = relation.startsWith('<') ? '≤' : '≥';
  return `${missed ? `**${text}**` : text} (${sign} ${write(limit)})`;
}

/**
 * @param {Line[]} all
 * @param {Case[]} cases
 */
export function table(all, cases) {
  const used = COLUMNS.filter(([, paths]) => paths.some((path) =>
    all.some((line) => at(line, path) !== null)));
  const rows = [];
  for (const one of cases) {
    const ofCase = all.filter((line) => line.case === one.name);
    const peer = ofCase.filter((line) => line.publisher === 'chromium');
    for (const publisher of new Set(ofCase.map((line) => line.publisher))) {
      const lines = ofCase.filter((line) => line.publisher === publisher);
      const good = lines.filter((line) => line.delay_ms);
      const goals = publisher === 'vehicle' ? one.goals : undefined;
      const cells = used.map(([, paths, write]) => paths.map((path) =>
        figure(median(good, path), goals?.[path], median(peer, path), write))
        .join(' / '));
      const failed = good.length < lines.length
        ? `, ${lines.length - good.length} failed` : '';
      rows.push(`| ${one.name} | ${publisher} (${good.length}${failed}) | ${
        cells.join(' | ')} |`);
    }
  }
  return [`| case | publisher (runs) | ${used.map(([name]) => name)
    .join(' | ')} |`, `|${'---|'.repeat(used.length + 2)}`, ...rows,
  '', '(≤ goal); in bold: missed. Goals that are Chromium’s figure, or a share '
    + 'of it, are of its row.'].join('\n');
}
