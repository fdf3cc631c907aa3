// SPDX-License-Identifier: Apache-2.0
// The links that the uplink is judged on. Settings are those of tools/impair;
// a link that stays as it is is so from the call's beginning; where there is a
// trace or an event, the call begins on a clean link, and the case's settings
// hold from the measurement's beginning on.

/**
 * @typedef {{ up: string, down: string }} Modem
 * @typedef {{ at_s: number, modem?: number, tell: string }} Event
 * @typedef {Record<string, [string, number]>} Goals by a figure's path in the
 *   output (`delay_ms.1` is p95): "<=" or ">=", and the figure; "<=x" and
 *   ">=x": so many times Chromium's
 * @typedef {{ name: string, what: string, seconds: number, modems: Modem[],
 *   trace?: string, events?: Event[], cap_kbps?: number, goals?: Goals }} Case
 *   `trace`: a file in mahimahi's format, for the first modem; a name alone is
 *   looked for in --traces
 */

/** @param {string} up @param {string} [down] */
const modem = (up, down = 'rate=20M delay=25') => ({ up, down });

/** @param {number} p95_ms @param {Goals} more @returns {Goals} */
const fresh = (p95_ms, more) => ({ 'delay_ms.1': ['<=', p95_ms], ...more });

/** @param {string} name @param {string} file @param {Goals} goals @returns {Case} */
const traced = (name, file, goals) => ({ name, what: file, seconds: 100,
  trace: file, modems: [modem('delay=25')], goals });

/** Bursts of five packets that lose `share` in all. @param {number} share */
const bursts = (share) => `ge=${(0.2 * share / (1 - share)).toFixed(5)}:0.2`;

/** @param {number} percent @param {Goals} goals @returns {Case} */
const lossy = (percent, goals) => ({ name: `loss-${percent}`,
  what: `8 Mb/s, 50 ms RTT, ${percent} % lost in bursts of 5`, seconds: 40,
  modems: [modem(`rate=8M delay=25 queue=300ms ${bursts(percent / 100)}`)],
  goals });

/** @param {number} seconds @returns {Case} */
const outage = (seconds) => ({ name: `outage-${seconds}`,
  what: `8 Mb/s, both ways dead for ${seconds} s`, seconds: seconds + 25,
  modems: [modem('rate=8M delay=25 queue=300ms in-outage=drop',
    'rate=20M delay=25 in-outage=drop')],
  events: [{ at_s: 8, tell: `cut ${seconds}` }],
  goals: { 'back.after_ms': ['<=', 1500], 'back.old_ms': ['<=', 300],
    'back.sound_ms': ['<=', 1000] } });

/* What the peer was measured on elsewhere: to be better than it on each line at
 * once, by how old the picture on the viewer's screen is. */
const PEER_KBPS = 4000;
/** @type {Goals} */
const BETTER = { 'age_ms.0': ['<=x', 1], 'age_ms.1': ['<=x', 1],
  'screen.age_ms.0': ['<=x', 1], 'screen.age_ms.1': ['<=x', 1],
  width: ['>=x', 1] };
/** @type {Goals} */
const HALF = { ...BETTER, 'age_ms.1': ['<=x', 0.5],
  'screen.age_ms.1': ['<=x', 0.5] };
/** @type {Goals} */
const TWICE = { ...HALF, delivered: ['>=x', 2] };

/** @param {string} name @param {string} up @param {number} delay_ms @param {Goals} goals @returns {Case} */
const peer = (name, up, delay_ms, goals) => ({ name: `peer-${name}`,
  what: `${up}, ${delay_ms} ms each way, cap of 4 Mb/s`, seconds: 40,
  cap_kbps: PEER_KBPS, modems: [modem(`${up} delay=${delay_ms}`,
    `rate=20M delay=${delay_ms}`)], goals });

/** @param {string} name @param {string} file @returns {Case} */
const peerTraced = (name, file) => ({ ...peer(name, '', 30, TWICE), seconds: 100,
  what: `${file}, 30 ms each way, cap of 4 Mb/s`, trace: file });

/** @param {number} kbps @returns {Case} */
const sameBytes = (kbps) => ({ name: `bytes-${kbps}`,
  what: `20 Mb/s, 50 ms RTT, both capped at ${kbps} kb/s: SSIM at the same bytes`,
  seconds: 20, cap_kbps: kbps, modems: [modem('rate=20M delay=25 queue=300ms')],
  goals: { ssim: ['>=x', 1] } });

const ATT = 'ATT-LTE-driving-2016.up';
const UMTS = 'TMobile-UMTS-driving.up';
const VERIZON = 'Verizon-LTE-short.up';

/** @type {Case[]} */
export const CASES = [
  { name: 'clean', what: '20 Mb/s, 50 ms RTT', seconds: 30,
    modems: [modem('rate=20M delay=25 queue=300ms')],
    goals: fresh(60, { late: ['<=', 0], freeze: ['<=', 0] }) },
  { name: 'narrow', what: '1.5 Mb/s, 300 ms of queue', seconds: 40,
    modems: [modem('rate=1.5M delay=25 queue=300ms')],
    goals: fresh(120, { late: ['<=', 0], freeze: ['<=', 0],
      carried: ['>=', 0.85] }) },
  { name: 'step', what: '6 to 0.8 Mb/s and back, 300 ms of queue', seconds: 40,
    modems: [modem('rate=6M delay=25 queue=300ms')],
    events: [{ at_s: 10, tell: 'up rate=800k' },
      { at_s: 25, tell: 'up rate=6M' }] },
  { name: 'loss-onset', what: '8 Mb/s, 50 ms RTT, 10 % lost in bursts from 10 s on',
    seconds: 40, modems: [modem('rate=8M delay=25 queue=300ms')],
    events: [{ at_s: 10, tell: `up ${bursts(0.1)}` }] },
  lossy(5, fresh(150, { freeze: ['<=', 0.001], delivered: ['>=', 0.8] })),
  lossy(10, fresh(200, { freeze: ['<=', 0.003], delivered: ['>=', 0.6] })),
  lossy(20, fresh(300, { freeze: ['<=', 0.02], delivered: ['>=', 0.3] })),
  traced('drive', 'own:drive', {}),
  traced('att', ATT, fresh(200, { late: ['<=', 0.025],
    freeze_beyond: ['<=', 0.015], carried: ['>=', 0.33] })),
  traced('umts', UMTS, fresh(130, { late: ['<=', 0.02],
    freeze_beyond: ['<=', 0.005], carried: ['>=', 0.7] })),
  traced('verizon', VERIZON, fresh(115, { late: ['<=', 0.005],
    freeze_beyond: ['<=', 0.007], carried: ['>=', 0.65] })),
  { name: 'two-modems', what: 'two of 8 Mb/s, each losing 10 % in bursts',
    seconds: 40, modems: [
      modem(`rate=8M delay=25 queue=300ms ${bursts(0.1)}`),
      modem(`rate=8M delay=40 queue=300ms ${bursts(0.1)}`, 'rate=20M delay=40'),
    ], goals: fresh(120, { freeze: ['<=', 0.0005] }) },
  { name: 'first-dies', what: 'of two modems the first dies after 10 s',
    seconds: 40, modems: [modem('rate=8M delay=25 queue=300ms in-outage=drop',
      'rate=20M delay=25 in-outage=drop'),
    modem('rate=8M delay=40 queue=300ms', 'rate=20M delay=40')],
    events: [{ at_s: 10, modem: 0, tell: 'cut forever' }],
    goals: { longest_ms: ['<=', 200], 'sound.longest_ms': ['<=', 200] } },
  outage(10), outage(30), outage(60),
  { name: 'new-address', what: '8 Mb/s; the modem gets another address at 10 s',
    seconds: 40, modems: [modem('rate=8M delay=25 queue=300ms')],
    events: [{ at_s: 10, modem: 0, tell: 'new address' }],
    goals: { longest_ms: ['<=', 800], 'sound.longest_ms': ['<=', 800] } },
  peer('clean', 'rate=20M queue=300ms', 20,
    { ...BETTER, 'delay_ms.0': ['<=', 60] }),
  peer('narrow', 'rate=1.5M queue=300ms', 40, BETTER),
  peer('loss-10', 'rate=4M queue=300ms loss=0.1', 30, HALF),
  peer('loss-20', 'rate=4M queue=300ms ge=0.05:0.2', 30, HALF),
  peerTraced('verizon', VERIZON),
  peerTraced('att', ATT),
  peerTraced('umts', UMTS),
  sameBytes(700), sameBytes(1500), sameBytes(3000),
];

/**
 * A drive of our own: a rate that wanders between 0.3 and 12 Mb/s, with fades
 * to nothing of 0.3 to 3 s. The same each time. Text in mahimahi's format.
 * @param {number} seconds
 */
export function makeDrive(seconds) {
  let state = 42;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  let rate_kbps = 4000;
  let fade_ms = 0;
  let credit = 0;
  const lines = [];
  for (let ms = 1; ms <= seconds * 1000; ms++) {
    if (ms % 100 === 0) {
      rate_kbps *= Math.exp((random() - 0.5) * 0.7);
      rate_kbps = Math.min(12000, Math.max(300, rate_kbps));
      if (random() < 0.01) fade_ms = 300 + 2700 * random() ** 2;
    }
    if (fade_ms-- > 0) continue;
    // Cells deliver in clumps, not evenly.
    credit += rate_kbps / 8 * (random() < 0.25 ? 4 : 0);
    for (; credit >= 1504; credit -= 1504) lines.push(ms);
  }
  lines.push(seconds * 1000);
  return `${lines.join('\n')}\n`;
}
