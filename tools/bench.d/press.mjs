#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// From the crew's press to the picture in front of a clinician who waits with
// the list of calls open, and where the time goes.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startChromium } from '../../tests/lib/browsers.mjs';
import { Daemon, Vehicle } from '../../tests/lib/daemons.mjs';
import { MobileSite } from '../../tests/lib/mobile.mjs';
import { signedIn } from '../../tests/lib/pages.mjs';
import { quantile } from './uplink/judge.mjs';

const USAGE = `usage: tools/bench press [OPTION…]

An ambulance behind a link of 25 ms each way (tools/impair) calls, and a
clinician's Chromium beside the relay, which has the list of calls open, opens
the call as soon as it is listed. Prints a line of JSON for each run and a table
of all: ms since POST /call. Needs root. BL_BUILD: the build folder.

  --runs N           how many (20)
  --up SETTINGS      of the link, and
  --down SETTINGS    back, as of tools/impair (rate=20M delay=25 queue=300ms)
  --set S.KEY=VALUE  a key of the vehicle's configuration
  --log              what vehicle and relay say of each run

Between runs the vehicle is started anew: no run finds a connection open.`;

const GOAL_MS = 1000;
const LINK = 'rate=20M delay=25 queue=300ms';

/** What happens, in order, and who tells. */
const STEPS = [
  ['capture', 'the vehicle has its first picture'],
  ['known', 'the relay has the vehicle’s offer'],
  ['up', 'the vehicle has the keys: media flows'],
  ['listed', 'the call is in the clinician’s list, and pressed'],
  ['offered', 'the page posts its offer'],
  ['connected', 'the page has the keys'],
  ['complete', 'the first picture is complete at the browser'],
  ['shown', 'and on its screen'],
];

/** @typedef {Record<string, number | null>} Run ms since the press */

/**
 * In the list's page: presses the call as soon as it is there, and notes what
 * happens from then on, in Unix ms.
 */
function waitInPage() {
  const page = /** @type {any} */ (globalThis);
  const now = () => performance.timeOrigin + performance.now();
  /** @type {Record<string, number>} */
  const seen = {};
  page.seen = seen;
  const Original = page.RTCPeerConnection;
  page.RTCPeerConnection = class extends Original {
    /** @param {...any} args */
    constructor(...args) {
      super(...args);
      this.addEventListener('connectionstatechange', () => {
        if (this.connectionState === 'connected') seen.connected ??= now();
      });
    }
  };
  const ask = page.fetch;
  page.fetch = (/** @type {any[]} */ ...args) => {
    if (String(args[0]).startsWith('/whep/')) seen.offered ??= now();
    return ask(...args);
  };
  new MutationObserver(() => {
    const call = /** @type {HTMLElement | null} */ (
      document.querySelector('.calls a'));
    const video = document.querySelector('video');
    if (call && !seen.listed) {
      seen.listed = now();
      call.click();
    } else if (video && !page.video) {
      page.video = video;
      video.requestVideoFrameCallback((_, frame) => {
        seen.complete = performance.timeOrigin + (frame.receiveTime ?? NaN);
        seen.shown = performance.timeOrigin + frame.expectedDisplayTime;
      });
    }
  }).observe(document, { childList: true, subtree: true });
}

/**
 * Presses, in the vehicle's network namespace; gives the moment before.
 * @param {Vehicle} vehicle
 */
async function press(vehicle) {
  const body = '{"ed":"north"}';
  const request = ['POST /call HTTP/1.1', `Host: 127.0.0.1:${
    vehicle.kioskPort}`, 'Content-Type: application/json', 'Connection: close',
  `Content-Length: ${body.length}`, '', body].join('\\r\\n');
  const finger = new Daemon('the press', ['bash', '-c',
    `exec 3<>/dev/tcp/127.0.0.1/${vehicle.kioskPort}
     echo "at $EPOCHREALTIME"; printf '${request}' >&3; cat <&3`], vehicle);
  const [, at] = await finger.says(/^at (\S+)/m);
  await finger.says(/^HTTP\/1.1 202/m);
  await finger.ended;
  return 1000 * Number(at);
}

/**
 * When a line of the log was said, in Unix ms.
 * @param {string} log
 * @param {RegExp} what
 */
function said(log, what) {
  const line = log.split('\n').find((text) => what.test(text));
  return line ? Date.parse(line.slice(0, 24)) : null;
}

/**
 * @param {MobileSite} bed
 * @param {import('../../tests/lib/pages.mjs').Page} page
 * @param {{ settings: Record<string, Record<string, string>>, log: boolean }}
 *   options
 * @returns {Promise<Run>}
 */
async function once(bed, page, { settings, log }) {
  const vehicle = new Vehicle(bed.t, { folder: bed.folder,
    relay: bed.site.relay, unit: 'ambulance-1', address: bed.address,
    namespace: bed.publisher, settings,
    capture: { width: 1280, height: 720, bitrate_kbps: 2500 } });
  await bed.site.startVehicle(vehicle);
  await page.goto(`${bed.site.relay.loopback}/?run=${Math.random()}#/calls`);
  await page.waitForSelector('h1:has-text("Calls now")');
  // Anywhere between two looks at the list.
  await new Promise((done) => setTimeout(done, 1500 + 1000 * Math.random()));
  const relay = bed.site.relay.daemon;
  const from = relay?.log.length ?? 0;
  const pressed = await press(vehicle);
  await page.waitForFunction(() => 'shown'
    in /** @type {any} */ (globalThis).seen);
  const seen = await page.evaluate(() => /** @type {any} */ (globalThis).seen);
  await bed.site.hangUp(vehicle);
  await vehicle.daemon?.says(/state idle/);
  const own = vehicle.daemon?.log ?? '';
  const theirs = relay?.log.slice(from) ?? '';
  await vehicle.daemon?.stop();
  if (log) console.error(own, theirs);
  const at = { ...seen, known: said(theirs, / call \S+/),
    capture: said(own, /capture running/), up: said(own, /media flows/) };
  return Object.fromEntries(STEPS.map(([name]) => [name,
    Number.isFinite(at[name]) ? Math.round(at[name] - pressed) : null]));
}

/** @param {Run[]} runs */
function table(runs) {
  const rows = STEPS.map(([name, what]) => {
    const all = runs.map((run) => run[name] ?? NaN);
    const [p50, p95] = [0.5, 0.95].map((share) => quantile(all, share));
    const missed = name === 'complete' && p95 > GOAL_MS ? ' **missed**' : '';
    return `| ${what} (\`${name}\`) | ${p50} | ${p95}${missed} | ${
      Math.max(...all)} |`;
  });
  return ['| ms since POST /call | p50 | p95 | max |', '|---|---|---|---|',
    ...rows, '', `Goal: \`complete\` within ${GOAL_MS} ms, p95 of 20 runs.`]
    .join('\n');
}

/** @param {string[]} sets */
function settingsOf(sets) {
  /** @type {Record<string, Record<string, string>>} */
  const settings = {};
  for (const set of sets) {
    const [, section, key, value] = /^(\w+)\.(\w+)=(.*)$/.exec(set) ?? [];
    if (!section) throw new Error(`--set ${set}: not SECTION.KEY=VALUE`);
    (settings[section] ??= {})[key] = value;
  }
  return settings;
}

/** @param {{ runs: number, up: string, down: string, log: boolean,
 *   settings: Record<string, Record<string, string>> }} options */
async function main(options) {
  /** @type {(() => unknown)[]} */
  const leaving = [];
  const t = /** @type {any} */ ({ after: (
    /** @type {() => unknown} */ leave) => leaving.unshift(leave) });
  try {
    const folder = await mkdtemp(join(tmpdir(), 'bluelight-press-'));
    t.after(() => rm(folder, { recursive: true, force: true,
      maxRetries: 20, retryDelay: 100 }));
    const bed = new MobileSite(t, folder);
    await bed.open(1, 1);
    await bed.links[0].tell(`up ${options.up}`);
    await bed.links[0].tell(`down ${options.down}`);
    const browser = await startChromium(t, { namespace: bed.net.namespace });
    const page = await signedIn(browser, bed.site.relay);
    await page.addInitScript(waitInPage);
    const runs = [];
    for (let i = 0; i < options.runs; i++) {
      runs.push(await once(bed, page, options));
      console.log(JSON.stringify(runs.at(-1)));
    }
    console.log(table(runs));
  } finally {
    for (const leave of leaving) {
      await Promise.resolve(leave()).catch((error) => console.error(error));
    }
  }
}

const { values } = parseArgs({ options: {
  runs: { type: 'string', default: '20' },
  up: { type: 'string', default: LINK },
  down: { type: 'string', default: LINK },
  set: { type: 'string', multiple: true, default: [] },
  log: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' } } });

if (values.help) console.log(USAGE);
else await main({ ...values, runs: Number(values.runs),
  settings: settingsOf(values.set) });
