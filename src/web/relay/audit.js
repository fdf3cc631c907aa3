// SPDX-License-Identifier: Apache-2.0

import { get } from './api.js';
import { dateTime, el } from './dom.js';

const COLUMNS = ['When', 'Who', 'What', 'Object', 'Detail'];

/** @param {HTMLElement} main */
export async function auditPage(main) {
  const { entries } = await get('/api/audit');
  const rows = entries.map((/** @type {any} */ e) => el('tr', {},
    ...[dateTime(e.at_us), e.actor, e.action, e.object ?? '', e.detail ?? '']
      .map((text) => el('td', {}, text))));
  main.replaceChildren(
    el('h1', {}, 'Audit'),
    el('table', {},
      el('caption', {}, 'The newest entries, newest first'),
      el('thead', {}, el('tr', {},
        ...COLUMNS.map((name) => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, ...rows)));
}
