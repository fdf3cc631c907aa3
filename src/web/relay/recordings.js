// SPDX-License-Identifier: Apache-2.0

import { get, poll } from './api.js';
import { pollProblem } from './calls.js';
import { dateTime, duration, el, setText, show } from './dom.js';
import { Player } from './player.js';

/** @type {Record<string, string>} */
const TRACKS = { video: 'picture', audio: 'sound' };

/** @param {HTMLElement} main */
export async function recordingsPage(main) {
  const { recordings } = await get('/api/recordings');
  const items = recordings.map((/** @type {any} */ r) => el('tr', {},
    el('td', {}, el('a',
      { href: `#/recording/${encodeURIComponent(r.id)}` },
      dateTime(r.started_us))),
    el('td', {}, r.unit),
    el('td', {}, r.ed),
    el('td', {}, duration(r.duration_us)),
    el('td', {}, r.complete ? 'complete' : 'being recorded')));
  main.replaceChildren(
    el('h1', {}, 'Recordings'),
    items.length === 0 ? el('p', {}, 'No recordings yet.')
      : el('table', {},
        el('thead', {}, el('tr', {},
          ...['Started', 'From', 'To', 'Length', 'State']
            .map((name) => el('th', { scope: 'col' }, name)))),
        el('tbody', {}, ...items)));
}

/**
 * @param {HTMLElement} main
 * @param {AbortSignal} signal
 * @param {string} id
 */
export async function recordingPage(main, signal, id) {
  const path = `/api/recordings/${encodeURIComponent(id)}`;
  let manifest = await get(path);
  const problem = el('p', { role: 'alert', class: 'problem', hidden: true });
  const video = el('video', {
    controls: true, playsInline: true, 'aria-label': 'Recording',
  });
  const length = el('p', {});
  const gaps = el('div', {});
  main.replaceChildren(
    el('h1', {}, `${manifest.unit} to ${manifest.ed}`),
    length,
    problem,
    el('div', { class: 'stage recorded' }, video,
      el('span', { class: 'badge' }, 'RECORDING')),
    gaps);
  /** @param {string} message */
  const complain = (message) => {
    setText(problem, message);
    show(problem, true);
  };
  let failed = false;
  /** @type {Player | null} */
  let player = null;
  signal.addEventListener('abort', () => player?.close());

  const makePlayer = () => new Player(video, id, manifest, (message) => {
    failed = true;
    complain(message);
  });
  const draw = () => {
    setText(length, `${dateTime(manifest.started_us)}, `
      + `${duration(manifest.duration_us)} `
      + (manifest.complete ? 'long' : 'so far, being recorded'));
    drawGaps(gaps, manifest.gaps);
    const empty = manifest.parts.every((/** @type {any} */ part) =>
      part.fragments.length === 0);
    if (player) player.update(manifest);
    else if (!empty) player = makePlayer();
    if (empty) complain('Nothing has been recorded of this call yet.');
    else if (!failed) show(problem, false);
  };
  draw();
  if (manifest.complete) return;
  poll(2000, signal, async () => {
    if (manifest.complete) return;
    try {
      manifest = await get(path);
      if (!signal.aborted) draw();
    } catch (error) {
      pollProblem(error, problem);
    }
  });
}

/**
 * @param {HTMLElement} where
 * @param {{ track: string, start_us: number, duration_us: number }[]} gaps
 */
function drawGaps(where, gaps) {
  where.replaceChildren(gaps.length === 0 ? el('p', {}, 'No gaps.')
    : el('section', {}, el('h2', {}, 'Gaps'),
      el('ul', {}, ...gaps.map((gap) => el('li', {},
        `${duration(gap.start_us)}: no ${TRACKS[gap.track] ?? gap.track} for `
        + duration(gap.duration_us))))));
}
