// SPDX-License-Identifier: Apache-2.0

import { ApiError, get, pause, poll } from './api.js';
import { dateTime, el, setText, show } from './dom.js';

/* Between an answer and the next question. */
const BREATH_MS = 50;
const RETRY_MS = 1000;

const STATES = {
  live: 'Live',
  waiting: 'Connecting',
  lost: 'Waiting for the ambulance, which lost its connection',
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
  /** @type {Map<string, CallItem>} */
  const items = new Map();

  // The relay answers once there is another list than the one named, or after
  // a second.
  let known = -1;
  poll(BREATH_MS, signal, async () => {
    try {
      const { calls, edition } = await get(`/api/calls?after=${known}`);
      known = edition;
      show(problem, false);
      show(none, calls.length === 0);
      update(list, items, calls);
    } catch (error) {
      known = -1;
      pollProblem(error, problem);
      await pause(RETRY_MS, signal);
    }
  });
}

/**
 * Changes what has changed and no more, so that focus stays where it is.
 * @param {HTMLElement} list
 * @param {Map<string, CallItem>} items by the call's id
 * @param {any[]} calls
 */
function update(list, items, calls) {
  for (const [id, item] of items) {
    if (calls.some((call) => call.id === id)) continue;
    item.element.remove();
    items.delete(id);
  }
  calls.forEach((call, i) => {
    const item = items.get(call.id) ?? new CallItem(call);
    items.set(call.id, item);
    item.update(call);
    if (list.children[i] !== item.element) {
      list.insertBefore(item.element, list.children[i] ?? null);
    }
  });
}

class CallItem {
  /** @param {any} call */
  constructor(call) {
    this.state = el('span', {});
    this.watching = el('span', {});
    this.element = el('li', {},
      el('a', { href: `#/call/${encodeURIComponent(call.id)}` },
        el('strong', {}, call.unit),
        el('span', {}, ` to ${call.ed}`),
        this.state,
        el('small', {}, `since ${dateTime(call.started_us)}, `,
          this.watching)));
  }

  /** @param {any} call */
  update(call) {
    this.state.className = `state ${call.state}`;
    setText(this.state, stateText(call.state));
    setText(this.watching, call.viewers === 1
      ? '1 person is watching' : `${call.viewers} people are watching`);
  }
}
