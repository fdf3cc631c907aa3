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

let drawn = '';

/**
 * @param {string} path
 * @param {object} [body]
 */
async function act(path, body = {}) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) byId('message').textContent = await reason(response);
  } catch {
    notRunning();
  }
  update();
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
  byId('state').textContent = 'Bluelight is not running';
  document.body.dataset.state = 'error';
}

/** @param {any} state */
function draw(state) {
  const inCall = state.state !== 'idle';
  document.body.dataset.state = state.state;
  byId('unit').textContent = state.unit;
  byId('state').textContent =
    (STATES[/** @type {keyof STATES} */ (state.state)] ?? state.state)
    + (inCall && state.ed ? `: ${state.ed}` : '');
  byId('message').textContent = state.message ?? '';
  byId('hang-up').hidden = !inCall;
  byId('health').textContent = state.state === 'live'
    ? `${Math.round(state.bitrate_bps / 1000)} kb/s, ${Math.round(state.fps)} `
      + 'pictures a second' : '';
  const eds = inCall ? [] : state.eds ?? [];
  const key = JSON.stringify(eds);
  if (key === drawn) return;
  drawn = key;
  byId('eds').replaceChildren(...eds.map((/** @type {string} */ ed) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = `Call ${ed}`;
    button.addEventListener('click', () => act('/call', { ed }));
    return button;
  }));
}

async function update() {
  try {
    const response = await fetch('/api/state', { cache: 'no-store' });
    draw(await response.json());
  } catch {
    notRunning();
  }
}

byId('hang-up').addEventListener('click', () => act('/hangup'));
setInterval(update, 500);
update();
