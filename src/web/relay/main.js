// SPDX-License-Identifier: Apache-2.0
// Which page is shown: #/calls, #/call/ID, #/recordings, #/recording/ID,
// #/audit, or signing in. A one-time code comes as #code=…: what stands
// behind # is never sent to a server and so never reaches its log.

import { ApiError, get, post } from './api.js';
import { auditPage } from './audit.js';
import { callPage } from './call.js';
import { callsPage } from './calls.js';
import { el, setText, show } from './dom.js';
import { recordingPage, recordingsPage } from './recordings.js';
import { signInPage } from './signin.js';

/**
 * A page fills `main` and works until the signal aborts.
 * @typedef {(main: HTMLElement, signal: AbortSignal, id: string) => void
 *   | Promise<void>} Page
 */

/** @type {Record<string, Page>} */
const pages = {
  calls: callsPage,
  call: callPage,
  recordings: recordingsPage,
  recording: recordingPage,
  audit: auditPage,
};

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

let leaving = new AbortController();

async function whoAmI() {
  const me = await get('/api/me');
  setText(byId('who'), me.name ?? '');
  show(byId('nav'), Boolean(me.name));
  show(byId('sign-out'), Boolean(me.name));
  show(byId('nav-audit'), me.role === 'it');
  return me;
}

/** Signs in by the code in the address, if there is one, and removes it. */
async function signInByCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code === null) return null;
  history.replaceState(null, '', '/');
  try {
    await post('/api/sign-in', { code });
    return null;
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}

/** @param {string | null} [why] it is asked to sign in */
async function route(why = null) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const main = byId('main');
  try {
    const problem = await signInByCode() ?? why;
    const me = await whoAmI();
    if (signal.aborted) return;
    main.replaceChildren();
    show(byId('offline'), false);
    if (!me.name) {
      signInPage(main, problem, () => route());
      return;
    }
    const [, name = 'calls', id = ''] = location.hash.split('/');
    markNav(name);
    await (pages[name] ?? callsPage)(main, signal, decodeURIComponent(id));
    main.focus({ preventScroll: true });
  } catch (error) {
    if (!signal.aborted) showProblem(/** @type {Error} */ (error), signal);
  }
}

/** @param {string} name */
function markNav(name) {
  for (const link of byId('nav').querySelectorAll('a')) {
    if (link.hash.startsWith(`#/${name}`)) {
      link.setAttribute('aria-current', 'page');
    } else {
      link.removeAttribute('aria-current');
    }
  }
}

/**
 * @param {Error} error
 * @param {AbortSignal} signal
 */
function showProblem(error, signal) {
  if (error instanceof ApiError && error.status === 0) {
    const offline = byId('offline');
    setText(offline, error.message);
    show(offline, true);
    const timer = setTimeout(() => route(), 2000);
    signal.addEventListener('abort', () => clearTimeout(timer));
    return;
  }
  byId('main').replaceChildren(
    el('h1', {}, 'That did not work'),
    el('p', { role: 'alert' }, error.message),
    el('p', {}, el('a', { href: '#/calls' }, 'Calls now')));
}

byId('sign-out').addEventListener('click', async () => {
  await post('/api/sign-out').catch(() => {});
  location.hash = '';
  route();
});
addEventListener('hashchange', () => route());
addEventListener('bluelight:signed-out', () =>
  route('You were signed out. Sign in to go on.'));
route();
