// SPDX-License-Identifier: Apache-2.0
// The paramedic's page: one press calls an ED, one press hangs up.

const STATES = {
  idle: 'Ready',
  calling: 'Calling',
  live: 'Live',
  reconnecting: 'Connection lost, trying again',
  ending: 'Hanging up',
};

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/* " (what another said)" and " [the request: its status]" */
const DETAILS = / (\(|\[(https?:|[A-Z]+ )).*$/s;

let drawn = '';
/** Why the last press did nothing; until the next one. */
let refusal = '';

/**
 * Sets text only when it changes, so that screen readers are not told twice.
 * @param {string} id
 * @param {string} text
 */
function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {string} path
 * @param {object} [body]
 */
async function act(path, body = {}) {
  refusal = '';
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) refusal = await reason(response);
  } catch {
    // update() says so.
  }
  await update();
}

/** @param {Response} response */
async function reason(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error;
  } catch {
    return text;
  }
}

function notRunning() {
  setText('state', 'Bluelight is not running');
  showMessage('It starts by itself. If it does not, restart this computer.');
  document.body.dataset.state = 'error';
  byId('eds').hidden = true;
  byId('hang-up').hidden = true;
  setText('health', '');
}

/**
 * A sentence for the crew; what follows in brackets is for those who mend it.
 * @param {string} text
 */
function showMessage(text) {
  const said = text.replace(DETAILS, '');
  setText('message', said && said.charAt(0).toUpperCase() + said.slice(1)
    + (/[.!?]$/.test(said) ? '' : '.'));
  setText('details', text.slice(said.length));
}

/** @param {any} state */
function draw(state) {
  const inCall = state.state !== 'idle';
  document.body.dataset.state = state.state;
  setText('unit', state.unit);
  setText('state',
    (STATES[/** @type {keyof STATES} */ (state.state)] ?? state.state)
    + (inCall && state.ed ? `: ${state.ed}` : ''));
  showMessage(refusal || state.message || '');
  byId('eds').hidden = inCall;
  byId('hang-up').hidden = !inCall;
  setText('health', state.state === 'live' ? healthText(state) : '');
  const eds = state.eds ?? [];
  const key = JSON.stringify(eds);
  if (key === drawn) return;
  drawn = key;
  byId('eds').replaceChildren(...eds.map(callButton));
}

/** @param {any} state */
function healthText(state) {
  const viewers = state.viewers ?? 0;
  return (viewers === 1 ? '1 person is watching, '
    : viewers > 1 ? `${viewers} people are watching, ` : '')
    + `${Math.round(state.bitrate_bps / 1000)} kb/s, `
    + `${Math.round(state.fps)} pictures a second`;
}

/** @param {string} ed */
function callButton(ed) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = `Call ${ed}`;
  button.addEventListener('click', () => act('/call', { ed }));
  return button;
}

async function update() {
  try {
    const response = await fetch('/api/state', {
      cache: 'no-store', signal: AbortSignal.timeout(2000),
    });
    draw(await response.json());
  } catch {
    notRunning();
  }
}

byId('hang-up').addEventListener('click', () => act('/hangup'));
setInterval(update, 500);
update();
