// SPDX-License-Identifier: Apache-2.0

import { get } from './api.js';
import { dateTime, duration, el, setText, show } from './dom.js';
import { Player } from './player.js';

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
  const manifest = await get(`/api/recordings/${encodeURIComponent(id)}`);
  const problem = el('p', { role: 'alert', class: 'problem', hidden: true });
  const video = el('video', {
    controls: true, playsInline: true, 'aria-label': 'Recording',
  });
  const gaps = manifest.gaps.map((/** @type {any} */ gap) => el('li', {},
    `${duration(gap.start_us)}: ${duration(gap.duration_us)} missing`));
  main.replaceChildren(
    el('h1', {}, `${manifest.unit} to ${manifest.ed}`),
    el('p', {}, `${dateTime(manifest.started_us)}, `
      + `${duration(manifest.duration_us)} long`),
    problem,
    el('div', { class: 'stage recorded' }, video,
      el('span', { class: 'badge' }, 'RECORDING')),
    gaps.length === 0 ? el('p', {}, 'No gaps.')
      : el('section', {}, el('h2', {}, 'Gaps'), el('ul', {}, ...gaps)));
  if (manifest.parts.every((/** @type {any} */ part) =>
    part.fragments.length === 0)) {
    setText(problem, 'Nothing has been recorded of this call yet.');
    show(problem, true);
    return;
  }
  const player = new Player(video, id, manifest, (message) => {
    setText(problem, message);
    show(problem, true);
  });
  signal.addEventListener('abort', () => player.close());
}
