// SPDX-License-Identifier: Apache-2.0
// The links that the uplink is judged on. Settings are those of tools/impair;
// the call begins on a clean link, and a case's settings hold from the
// measurement's beginning on.

/**
 * @typedef {{ up: string, down: string }} Modem
 * @typedef {{ at_s: number, modem?: number, tell: string }} Event
 * @typedef {{ name: string, what: string, seconds: number, modems: Modem[],
 *   trace?: string, events?: Event[], cap_kbps?: number }} Case `trace`: a
 *   file in mahimahi's format, for the first modem; a name alone is looked for
 *   in --traces
 */

/** @param {string} up @param {string} [down] */
const modem = (up, down = 'rate=20M delay=25') => ({ up, down });

/** @param {string} name @param {string} file @returns {Case} */
const traced = (name, file) => ({ name, what: file, seconds: 100, trace: file,
  modems: [modem('delay=25')] });

/** Bursts of five packets that lose `share` in all. @param {number} share */
const bursts = (share) => `ge=${(0.2 * share / (1 - share)).toFixed(5)}:0.2`;

/** @param {number} percent @returns {Case} */
const lossy = (percent) => ({ name: `loss-${percent}`,
  what: `8 Mb/s, 50 ms RTT, ${percent} % lost in bursts of 5`, seconds: 40,
  modems: [modem(`rate=8M delay=25 queue=300ms ${bursts(percent / 100)}`)] });

/** @param {number} seconds @returns {Case} */
const outage = (seconds) => ({ name: `outage-${seconds}`,
  what: `8 Mb/s, both ways dead for ${seconds} s`, seconds: seconds + 25,
  modems: [modem('rate=8M delay=25 queue=300ms in-outage=drop',
    'rate=20M delay=25 in-outage=drop')],
  events: [{ at_s: 8, tell: `cut ${seconds}` }] });

/** @type {Case[]} */
export const CASES = [
  { name: 'clean', what: '20 Mb/s, 50 ms RTT', seconds: 30,
    modems: [modem('rate=20M delay=25 queue=300ms')] },
  { name: 'narrow', what: '1.5 Mb/s, 300 ms of queue', seconds: 40,
    modems: [modem('rate=1.5M delay=25 queue=300ms')] },
  { name: 'step', what: '6 to 0.8 Mb/s and back, 300 ms of queue', seconds: 40,
    modems: [modem('rate=6M delay=25 queue=300ms')],
    events: [{ at_s: 10, tell: 'up rate=800k' },
      { at_s: 25, tell: 'up rate=6M' }] },
  lossy(5), lossy(10), lossy(20),
  traced('drive', 'own:drive'),
  traced('att', 'ATT-LTE-driving-2016.up'),
  traced('umts', 'TMobile-UMTS-driving.up'),
  traced('verizon', 'Verizon-LTE-short.up'),
  { name: 'two-modems', what: 'two of 8 Mb/s, each losing 10 % in bursts',
    seconds: 40, modems: [
      modem(`rate=8M delay=25 queue=300ms ${bursts(0.1)}`),
      modem(`rate=8M delay=40 queue=300ms ${bursts(0.1)}`, 'rate=20M delay=40'),
    ] },
  { name: 'first-dies', what: 'of two modems the first dies after 10 s',
    seconds: 40, modems: [modem('rate=8M delay=25 queue=300ms in-outage=drop',
      'rate=20M delay=25 in-outage=drop'),
    modem('rate=8M delay=40 queue=300ms', 'rate=20M delay=40')],
    events: [{ at_s: 10, modem: 0, tell: 'cut forever' }] },
  outage(10), outage(30), outage(60),
  { name: 'new-address', what: '8 Mb/s; the modem gets another address at 10 s',
    seconds: 40, modems: [modem('rate=8M delay=25 queue=300ms')],
    events: [{ at_s: 10, modem: 0, tell: 'new address' }] },
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
