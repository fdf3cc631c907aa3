// SPDX-License-Identifier: Apache-2.0

import { ApiError, get, poll } from './api.js';
import { dateTime, el, setText, show } from './dom.js';

const STATES = {
  live: 'Live',
  waiting: 'Connecting',
  lost: 'Connection lost, waiting for the ambulance',
  ended: 'Ended',
};

/** @param {string} state */
export function stateText(state) {
  return STATES[/** @type {keyof STATES} */ (state)] ?? state;
}

/**
 * Shows a problem of a poll, or signs out when the session is over.
 * @param {unknown} error
 * @param {HTMLElement} where
 */
export function pollProblem(error, where) {
  if (error instanceof ApiError && error.status === 401) {
    dispatchEvent(new Event('bluelight:signed-out'));
    return;
  }
  setText(where, /** @type {Error} */ (error).message);
  show(where, true);
}

/**
 * @param {HTMLElement} main
 * @param {AbortSignal} signal
 */
export function callsPage(main, signal) {
  const problem = el('p', { role: 'alert', class: 'problem', hidden: true });
  const list = el('ul', { class: 'calls' });
  const none = el('p', { role: 'status' }, 'No calls now.');
  main.replaceChildren(el('h1', {}, 'Calls now'), problem, none, list);
  let shown = '';

  poll(1000, signal, async () => {
    try {
      const { calls } = await get('/api/calls');
      show(problem, false);
      show(none, calls.length === 0);
      // Only a change is drawn, so that focus stays where it is.
      const key = JSON.stringify(calls.map(
        (/** @type {any} */ c) => [c.id, c.state, c.viewers]));
      if (key !== shown) list.replaceChildren(...calls.map(callItem));
      shown = key;
    } catch (error) {
      pollProblem(error, problem);
    }
  });
}

/** @param {any} call */
function callItem(call) {
  const watching = call.viewers === 1
    ? '1 person is watching' : `${call.viewers} people are watching`;
  return el('li', {},
    el('a', { href: `#/call/${encodeURIComponent(call.id)}` },
      el('strong', {}, call.unit),
      el('span', {}, ` to ${call.ed}`),
      el('span', { class: `state ${call.state}` }, stateText(call.state)),
      el('small', {}, `since ${dateTime(call.started_us)}, ${watching}`)));
}
