// SPDX-License-Identifier: Apache-2.0
// One call: picture, sound, how old the picture is, and what state the
// connection is in. What is not live never looks live.

import { PictureAge } from './age.js';
import { ApiError, get, poll } from './api.js';
import { pollProblem, stateText } from './calls.js';
import { RelayClock } from './clock.js';
import { el, setText, show } from './dom.js';
import { canShowPictures, WhepViewer } from './whep.js';

/* What is told of a connection by its word, which the relay finds for the
 * ambulance's (docs/api.md) and this page for its own. */
const AMBULANCE = {
  good: 'good',
  poor: 'poor: the picture may be small, late or stop',
  lost: 'lost: it comes back by itself',
};
const YOURS = {
  good: 'good',
  poor: 'poor: less comes than the relay has',
  lost: 'lost: it comes back by itself',
  connecting: 'connecting…',
  closed: 'not in use',
};

/* The words for this page's own, by its state alone. */
const STATES = {
  new: 'connecting',
  connecting: 'connecting',
  connected: 'good',
  disconnected: 'lost',
  failed: 'lost',
  closed: 'closed',
};

/* What the relay still sends over a link that is too small for all of it. */
const NETWORK = 'This workstation’s network is ';
const THINNED = {
  referenced: `${NETWORK}slow: fewer pictures a second.`,
  keyframes: `${NETWORK}too slow: one picture every few seconds. `
    + 'The sound is complete.',
  none: `${NETWORK}too slow for pictures. You hear the sound.`,
};

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 4000;
const PATIENCE_MS = 1500;
/* Sound that is silent for so long does not come. */
const SOUND_MS = 2000;
/* No microphone in a vehicle hears less than -80 dB for so long: it is off, or
 * has failed and silence is sent in its stead. */
const SILENT_MS = 5000;
const SILENT = 'arrives, but is silent: check the microphone';
const SILENCE = 1e-8;
const NO_SOUND = 'NO SOUND ARRIVES';

/** @param {string} id */
function layout(id) {
  const view = {
    title: el('h1', {}, 'Call'),
    problem: el('p', { role: 'alert', class: 'problem', hidden: true }),
    thinned: el('p', { role: 'status', class: 'problem', id: 'thinned',
      hidden: true }),
    video: el('video', { autoplay: true, playsInline: true,
      disablePictureInPicture: true, 'aria-label': 'Picture of the patient' }),
    cover: el('div', { class: 'cover', role: 'alert' }),
    coverWhy: el('span', { class: 'why' }),
    // Not for screen readers: they would read each tenth of a second.
    coverAge: el('span', { 'aria-hidden': 'true' }),
    age: el('output', { class: 'age', 'aria-live': 'off' }),
    yours: el('output', {}),
    call: el('output', {}),
    ambulance: el('output', {}),
    sound: el('output', {}),
    health: el('output', { 'aria-live': 'off' }),
    unmute: el('button', { type: 'button', class: 'main', hidden: true },
      'Turn the sound on'),
  };
  view.cover.append(el('strong', {}, 'NOT LIVE'), view.coverWhy,
    view.coverAge);
  const facts = [
    ['Call', view.call], ['Ambulance’s connection', view.ambulance],
    ['Your connection', view.yours],
    ['Picture', view.age], ['Sound', view.sound], ['Stream', view.health],
  ];
  const page = [
    view.title, view.problem, view.thinned,
    el('div', { class: 'stage' }, view.video, view.cover,
      // Composited at the display's rate, which keeps the video from being
      // composed at 30 Hz and skipping frames.
      el('div', { class: 'pulse', 'aria-hidden': 'true' })),
    view.unmute,
    el('dl', { class: 'facts', id: `facts-${id}` },
      ...facts.flatMap(([name, value]) =>
        [el('dt', {}, name), el('dd', {}, value)])),
  ];
  return { view, page };
}

class CallView {
  /**
   * @param {string} id
   * @param {AbortSignal} signal
   */
  constructor(id, signal) {
    this.id = id;
    this.signal = signal;
    const { view, page } = layout(id);
    this.view = view;
    this.page = page;
    this.clock = new RelayClock();
    this.age = new PictureAge(view.video, this.clock);
    /** @type {WhepViewer | null} */
    this.viewer = null;
    /** @type {RTCPeerConnectionState} */
    this.connection = 'new';
    /** @type {any} the call as the relay last described it */
    this.call = null;
    this.retryMs = FIRST_RETRY_MS;
    this.soundBytes = 0;
    this.soundEnergy = 0;
    this.soundSeconds = 0;
    this.soundLoudMs = performance.now();
    this.soundHeardMs = -Infinity;
    this.connectedMs = -Infinity;
    view.unmute.addEventListener('click', () => this.play());
    // Nobody draws this page any more, and the next one may be long in
    // coming: what stays in sight meanwhile must not look live.
    signal.addEventListener('abort', () => {
      this.hangUp();
      this.draw();
    });
  }

  start() {
    this.connect();
    this.measureClock();
    poll(1000, this.signal, () => this.update());
    poll(500, this.signal, () => this.listen());
    poll(100, this.signal, async () => this.draw());
  }

  async measureClock() {
    let measuredMs = -Infinity;
    const sample = async () => {
      await this.clock.measure().catch(() => {});
      measuredMs = performance.now();
    };
    for (let i = 0; i < 5 && !this.signal.aborted; i++) await sample();
    poll(1000, this.signal, async () => {
      const wrong = this.age.ms < -this.clock.uncertaintyMs;
      if (wrong || performance.now() - measuredMs > 10000) await sample();
    });
  }

  async connect() {
    if (this.signal.aborted) return;
    this.viewer?.stop();
    const viewer = new WhepViewer(
      `/whep/${encodeURIComponent(this.id)}`,
      (state) => viewer === this.viewer && this.onState(state));
    this.viewer = viewer;
    this.age.reset();
    this.age.receiver = viewer.video?.receiver ?? null;
    try {
      await viewer.start();
      this.view.video.srcObject = viewer.stream;
      await this.play();
    } catch (error) {
      if (viewer === this.viewer) this.onFailure(/** @type {Error} */ (error));
    }
  }

  /** @param {RTCPeerConnectionState} state */
  onState(state) {
    this.connection = state;
    if (state === 'connected') {
      this.connectedMs = performance.now();
      this.retryMs = FIRST_RETRY_MS;
      show(this.view.problem, false);
    } else if (state === 'disconnected') {
      // It may come back by itself, but not if the relay was started anew.
      const { viewer } = this;
      setTimeout(() => {
        if (viewer === this.viewer && this.connection === state) this.connect();
      }, PATIENCE_MS);
    } else if (state === 'failed' || state === 'closed') {
      this.reconnect();
    }
  }

  /** @param {Error} error */
  onFailure(error) {
    const status = error instanceof ApiError ? error.status : 0;
    // A relay that answers is within reach, whatever it says.
    this.connection = status === 0 ? 'failed' : 'new';
    // 404: the call has ended, as the next update says; or the relay was
    // started anew and the ambulance isn't back yet.
    if (status !== 404) {
      pollProblem(error, this.view.problem);
    }
    this.reconnect();
  }

  /** The call is over: nothing more is to come, and nothing is live. */
  hangUp() {
    this.viewer?.stop();
    this.viewer = null;
    this.connection = 'closed';
    this.soundHeardMs = -Infinity;
    this.age.reset();
  }

  reconnect() {
    if (this.call?.state === 'ended') return;
    setTimeout(() => this.connect(), this.retryMs);
    this.retryMs = Math.min(2 * this.retryMs, LAST_RETRY_MS);
  }

  /** Plays with sound, or shows the button that browsers insist on. */
  async play() {
    const { video, unmute } = this.view;
    video.muted = false;
    try {
      await video.play();
      show(unmute, false);
    } catch {
      video.muted = true;
      show(unmute, true);
      await video.play().catch(() => {});
    }
  }

  /** Asks the relay how the call is; once a second. */
  async update() {
    try {
      this.call = await get(`/api/calls/${encodeURIComponent(this.id)}`);
      setText(this.view.title, `${this.call.unit} to ${this.call.ed}`);
      if (this.call.state === 'ended') this.hangUp();
      if (this.connection === 'connected') show(this.view.problem, false);
    } catch (error) {
      this.call = null;
      pollProblem(error, this.view.problem);
    }
  }

  /** Whether sound arrives, from the receiver's own count. */
  async listen() {
    const stats = await this.viewer?.audio.receiver.getStats();
    for (const stat of stats?.values() ?? []) {
      if (stat.type !== 'inbound-rtp') continue;
      if (stat.bytesReceived > this.soundBytes) {
        this.soundHeardMs = performance.now();
      }
      this.soundBytes = stat.bytesReceived;
      const seconds = stat.totalSamplesDuration - this.soundSeconds;
      const energy = stat.totalAudioEnergy - this.soundEnergy;
      // Negative: the connection was made anew. Not a number: not told.
      if (seconds < 0 || !(energy <= SILENCE * seconds)) {
        this.soundLoudMs = performance.now();
      }
      this.soundEnergy = stat.totalAudioEnergy;
      this.soundSeconds = stat.totalSamplesDuration;
    }
  }

  draw() {
    const { view } = this;
    const ended = this.call?.state === 'ended';
    const picture = canShowPictures();
    // First, whatever else may fail.
    show(view.cover, !picture || !this.age.live || ended);
    setText(view.coverWhy, this.coverText(ended, picture));
    setText(view.thinned, this.thinnedText());
    show(view.thinned, !ended && this.thinnedText() !== '');
    const heard = performance.now() - this.soundHeardMs < SOUND_MS;
    setText(view.call, this.call ? stateText(this.call.state) : 'not known');
    drawWord(view.ambulance, AMBULANCE, this.call?.health?.connection);
    drawWord(view.yours, YOURS, this.ownWord());
    setText(view.sound, this.soundText(heard));
    setText(view.health, healthText(this.call?.health));
    setText(view.age, this.ageText());
    setText(view.coverAge, ended || !(this.age.ms >= 0) ? ''
      : `This picture is ${this.ageText()}.`);
    view.sound.classList.toggle('bad',
      [NO_SOUND, SILENT].includes(view.sound.textContent ?? ''));
  }

  /** Whether this page's own connection is good, as far as it can tell. */
  ownWord() {
    const word = STATES[this.connection];
    if (word !== 'good') return word;
    const { call } = this;
    const settled = performance.now() - this.connectedMs > PATIENCE_MS;
    // What doesn't come from the ambulance is not for lack of ours.
    const missing = settled && canShowPictures() && !this.age.live
      && (!call || call.health?.connection === 'good');
    return missing || this.thinnedText() ? 'poor' : word;
  }

  /** @param {boolean} heard */
  soundText(heard) {
    if (heard && this.view.video.muted) return 'arrives, but is off';
    if (heard && performance.now() - this.soundLoudMs > SILENT_MS) {
      return SILENT;
    }
    if (heard) return 'arrives';
    const fresh = performance.now() - this.connectedMs < SOUND_MS;
    return fresh && this.viewer ? 'waiting for it' : NO_SOUND;
  }

  /** What this page's own session is not given; '' if it is given all. */
  thinnedText() {
    const { id } = this.viewer ?? {};
    const own = this.call?.sessions?.find(
      (/** @type {{ id: string }} */ session) => session.id === id);
    return /** @type {Record<string, string>} */ (THINNED)[own?.pictures] ?? '';
  }

  ageText() {
    const { ms } = this.age;
    if (Number.isNaN(ms)) return this.viewer ? 'none yet' : 'none';
    const age = ms < 10000 ? (Math.max(0, ms) / 1000).toFixed(1)
      : String(Math.round(ms / 1000));
    const clock = this.call?.health?.clock;
    const unsure = clock?.kind === 'measured' ? ''
      : ' (the sender’s clock is not measured yet)';
    return `${age} s old${unsure}`;
  }

  /**
   * @param {boolean} ended
   * @param {boolean} picture
   */
  coverText(ended, picture) {
    if (ended) return 'The call has ended.';
    if (this.signal.aborted) return 'This page is being left.';
    if (!picture) {
      return 'This browser cannot show the picture: it has no H.264 for live '
        + 'video. You hear the sound. Open this page in Chromium, Chrome or '
        + 'Edge to see the patient.';
    }
    if (this.call?.state === 'lost') {
      return 'The ambulance has lost its connection. It comes back by itself.';
    }
    if (this.connection !== 'connected') {
      return 'Connecting to the relay.';
    }
    if (this.age.ms < 0) {
      return 'The clocks of the relay and this computer do not agree yet.';
    }
    return this.thinnedText() || (Number.isNaN(this.age.ms)
      ? 'Waiting for the first picture.' : 'No new picture arrives.');
  }
}

/**
 * @param {HTMLElement} where
 * @param {Record<string, string>} texts by word
 * @param {string | null | undefined} word not known if there is none
 */
function drawWord(where, texts, word) {
  setText(where, texts[word ?? ''] ?? 'not known');
  where.className = word ?? '';
}

/** @param {any} health as the relay describes it */
function healthText(health) {
  if (!health) return 'not known';
  const { bitrate_bps: bps, fps, width, height, viewers } = health;
  return `${Math.round((bps ?? 0) / 1000)} kb/s, ${Math.round(fps ?? 0)} `
    + `pictures a second, ${width ?? '?'}×${height ?? '?'}, `
    + `${viewers ?? '?'} watching`;
}

/**
 * @param {HTMLElement} main
 * @param {AbortSignal} signal
 * @param {string} id
 */
export function callPage(main, signal, id) {
  const view = new CallView(id, signal);
  main.replaceChildren(...view.page);
  view.start();
}
