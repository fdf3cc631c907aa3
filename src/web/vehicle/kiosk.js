// SPDX-License-Identifier: Apache-2.0
// The paramedic's page: one press calls an ED, one press hangs up.

const STATES = {
  idle: 'Ready',
  calling: 'Calling',
  live: 'Live',
  reconnecting: 'Trying again',
  ending: 'Hanging up',
};

/* What a connection is called, and what it means to the crew. */
const CONNECTIONS = {
  good: ['Connection good', 'Picture and sound get through.'],
  poor: ['Connection poor',
    'The picture may be small or stop. Keep talking: sound goes first.'],
  lost: ['Connection lost', 'It comes back by itself. Just carry on.'],
};

const NETWORKS = {
  best: 'in use',
  second: 'ready',
  spare: 'ready',
  doubt: 'weak',
  silent: 'no answer',
};

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/* " (what another said)" and " [the request: its status]" */
const DETAILS = / (\(|\[(https?:|[A-Z]+ )).*$/s;

let drawn = '';
let drawnNetworks = '';
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
  drawConnection({});
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
  // A call that nothing comes back from is not live, whatever it calls itself.
  const shown = state.state === 'live' && state.connection === 'lost'
    ? 'reconnecting' : state.state;
  document.body.dataset.state = shown;
  setText('unit', state.unit);
  setText('state',
    (STATES[/** @type {keyof STATES} */ (shown)] ?? shown)
    + (inCall && state.ed ? `: ${state.ed}` : ''));
  drawConnection(state);
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

/** @param {any} state {} if there is none */
function drawConnection(state) {
  const [word, means] = CONNECTIONS[
    /** @type {keyof CONNECTIONS} */ (state.connection)] ?? ['', ''];
  document.body.dataset.connection = state.connection ?? '';
  byId('connection').hidden = !word;
  setText('connection-word', word);
  setText('connection-means', means);
  const networks = (word && state.paths || []).map(networkText);
  const key = JSON.stringify(networks);
  if (key === drawnNetworks) return;
  drawnNetworks = key;
  byId('networks').replaceChildren(...networks.map(
    (/** @type {string} */ text) => {
      const item = document.createElement('li');
      item.textContent = text;
      return item;
    }));
}

/** @param {any} path */
function networkText(path) {
  const { interface: name, state, rtt_ms: rtt, loss } = path;
  // What it was good for before it fell silent says nothing now.
  if (state === 'silent') return `${name}: ${NETWORKS.silent}`;
  const word = NETWORKS[/** @type {keyof NETWORKS} */ (state)] ?? state;
  return `${name}: ${path.best && state === 'doubt' ? 'in use, weak' : word}`
    + `, ${Math.round(rtt)} ms, ${Math.round(100 * loss)} % lost, `
    + `room for ${Math.round(path.target_bps / 1000)} kb/s`;
}

/** @param {any} state */
function healthText(state) {
  const viewers = state.viewers ?? 0;
  return (viewers === 1 ? '1 person is watching, '
    : viewers > 1 ? `${viewers} people are watching, ` : '')
    + `${Math.round(state.bitrate_bps / 1000)} kb/s, `
    + `${Math.round(state.fps)} pictures a second, `
    + `${state.width}×${state.height}`;
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
