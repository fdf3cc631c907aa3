#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// How fresh the picture is behind bad links: vehicle → link → relay → viewer,
// and Chromium in the vehicle's place on the same link.

import { readFile, writeFile, mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { MobileSite } from '../../tests/lib/mobile.mjs';
import { CASES, makeDrive } from './uplink/cases.mjs';
import { comeback, freshness, judge, ownGaps } from './uplink/judge.mjs';
import { PUBLISHERS } from './uplink/publishers.mjs';
import { startScreen } from './uplink/screen.mjs';
import { makeClip } from './uplink/stamp.mjs';
import { table } from './uplink/table.mjs';

const USAGE = `usage: tools/bench uplink [OPTION…] [CASE…]

Sends the same pictures through a bad link (tools/impair) and prints, for each
case and publisher, a line of JSON. Needs root. BL_BUILD: the build folder.

  --publisher NAME   vehicle, chromium or both (both)
  --traces DIR       folder of recorded links in mahimahi's format
  --trace FILE       a case of its own: this trace, 25 ms each way
  --seconds N        at most so long a case
  --whole            traces to their end (100 s)
  --kbps N           the picture's highest rate, and the cap of what a link is
                     said to carry (6000)
  --vehicle-kbps N   the vehicle's rate, if another
  --set S.KEY=VALUE  a key of the vehicle's configuration
  --seed N           of the link's losses (1)
  --chromium         the relay's page in a real Chromium as well: "screen"
  --runs N           so many of each case and publisher (1), with other seeds
  --table            at the end the medians as a table, each with its goal
  --keep             leaves the folder of each run, and says where
  --list             the cases, and end

Chromium as publisher restarts ICE once a second when its connection has failed.

delay_ms: from the camera until the picture could be shown beside the relay;
age_ms: of what such a screen shows, freezes included (p50, p95, p99 each).
late: share of pictures whose delay is over 400 ms. freeze: share of time in
gaps over 183 ms; freeze_beyond: less that in which the trace carries nothing;
freeze_150: in gaps over 150 ms. sound: its longest gap, and those over 200 ms.
not_shown: share of the camera's pictures. carried, delivered: bytes that
passed the link, and of pictures shown, of what it could carry below the cap.
ssim: likeness to the camera's picture at its size. back: after an outage.`;

const SETTLE_MS = 8000;

/** @param {number} ms */
const pass = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * @typedef {import('./uplink/cases.mjs').Case} Case
 * @typedef {{ kbps: number, vehicle_kbps?: number, seed: number, keep: boolean,
 *   chromium: boolean, whole: boolean,
 *   traces?: string, seconds?: number,
 *   settings: Record<string, Record<string, string>> }} Options
 */

/**
 * The trace's file; "": the case has none; null: it is not here.
 * @param {Case} one
 * @param {Options} options
 * @param {string} folder
 */
async function traceFile({ trace = '', seconds }, options, folder) {
  if (trace === 'own:drive') {
    const file = join(folder, 'drive.up');
    await writeFile(file, makeDrive(seconds));
    return file;
  }
  const file = trace && resolve(options.traces ?? '.', trace);
  return file && !existsSync(file) ? null : file;
}

/** @param {string} file a trace: a millisecond a line, ascending */
async function traceSeconds(file) {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  return Number(lines.at(-1)) / 1000;
}

/**
 * Makes the links as bad as the case says.
 * @param {MobileSite} bed
 * @param {Case} one
 * @param {string} trace
 */
async function impair(bed, one, trace) {
  for (const [i, modem] of one.modems.entries()) {
    const up = i === 0 && trace ? `${modem.up} trace=${trace} queue=0`
      : modem.up;
    await bed.links[i].tell(`up ${up}`);
    await bed.links[i].tell(`down ${modem.down}`);
  }
}

/**
 * What happens in the case.
 * @param {MobileSite} bed
 * @param {Case} one
 * @param {number} seconds
 */
async function play(bed, one, seconds) {
  const from_ms = Date.now();
  const heard = bed.links.map((link) => link.seconds.length);
  for (const event of one.events ?? []) {
    await pass(from_ms + event.at_s * 1000 - Date.now());
    const links = event.modem === undefined ? bed.links
      : [bed.links[event.modem]];
    if (event.tell === 'new address') await bed.renumber(event.modem ?? 0);
    else for (const link of links) await link.tell(event.tell);
  }
  await pass(from_ms + seconds * 1000 - Date.now());
  const passed = bed.links.map((link, i) => link.seconds.slice(heard[i] + 1));
  return { from_ms, to_ms: Date.now(), passed };
}

/**
 * When pictures could come again, in ms from the beginning; null: no outage.
 * @param {Case} one
 */
function restoredAt({ events = [] }) {
  const cut = events.find((event) => /^cut \d/.test(event.tell));
  return cut ? 1000 * (cut.at_s + Number(cut.tell.slice(4))) : null;
}

/**
 * @param {any} t
 * @param {Case} one
 * @param {string} publisher
 * @param {Options} options
 */
async function measure(t, one, publisher, options) {
  const folder = await mkdtemp(join(tmpdir(), 'bluelight-uplink-'));
  if (options.keep) console.error(`${one.name} ${publisher}: ${folder}`);
  else t.after(() => rm(folder, { recursive: true, force: true,
    maxRetries: 20, retryDelay: 100 }));
  const trace = await traceFile(one, options, folder);
  if (trace === null) return { skipped: `no ${one.trace} in --traces` };
  await makeClip(folder);
  const bed = new MobileSite(t, folder);
  await bed.open(one.modems.length, options.seed);
  const steady = !trace && !one.events;
  if (steady) await impair(bed, one, trace);
  const kbps = one.cap_kbps ?? options.kbps;
  const source = await PUBLISHERS[publisher](t, bed, { kbps:
    publisher === 'vehicle' ? options.vehicle_kbps ?? kbps : kbps,
  settings: options.settings });
  const frames = join(folder, 'viewer');
  const { viewers } = await bed.watch({ frames });
  await viewers.until('pictures', (second) => second.fps_min > 0);
  const screen = options.chromium ? await startScreen(t, bed) : null;
  await pass(SETTLE_MS);
  const whole_s = options.whole && trace ? await traceSeconds(trace)
    : one.seconds;
  const seconds = Math.min(whole_s, options.seconds ?? Infinity);
  if (!steady) await impair(bed, one, trace);
  const played = await play(bed, one, seconds);
  const [viewed] = await viewers.end();
  const on_screen = await screen?.pictures();
  if (options.keep) await writeFile(join(folder, 'publisher.log'),
    source.log());
  const own_gaps = trace ? ownGaps(await readFile(trace, 'utf8'), seconds) : 0;
  const figures = await judge({ folder, prefix: frames, ...played,
    cap_kbps: kbps, own_gaps });
  const restored_ms = restoredAt(one);
  return { ...figures, width: viewed.video.width,
    ...(on_screen && { screen: { ...freshness(on_screen, played.from_ms,
      played.to_ms, own_gaps), width: on_screen.at(-1)?.width } }),
    ...(restored_ms === null ? {} : { back: await comeback(frames,
      played.from_ms + restored_ms) }) };
}

/**
 * @param {Case} one
 * @param {string} publisher
 * @param {Options} options
 */
async function runCase(one, publisher, options) {
  /** @type {(() => unknown)[]} */
  const leaving = [];
  const t = { after: (/** @type {() => unknown} */ leave) => {
    leaving.unshift(leave);
  } };
  try {
    return await measure(t, one, publisher, options);
  } catch (error) {
    return { failed: String(/** @type {Error} */ (error).message)
      .slice(0, 2000) };
  } finally {
    for (const leave of leaving) {
      await Promise.resolve(leave()).catch((error) => console.error(error));
    }
  }
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

const { values, positionals } = parseArgs({ allowPositionals: true, options: {
  publisher: { type: 'string', default: 'both' },
  traces: { type: 'string' },
  trace: { type: 'string' },
  seconds: { type: 'string' },
  whole: { type: 'boolean', default: false },
  kbps: { type: 'string', default: '6000' },
  'vehicle-kbps': { type: 'string' },
  set: { type: 'string', multiple: true, default: [] },
  seed: { type: 'string', default: '1' },
  runs: { type: 'string', default: '1' },
  table: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
  chromium: { type: 'boolean', default: false },
  list: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' } } });

/** @returns {Case[]} */
function chosen() {
  /** @type {Case[]} */
  const own = values.trace ? [{ name: 'trace', what: values.trace,
    seconds: 100, trace: resolve(values.trace),
    modems: [{ up: 'delay=25', down: 'rate=20M delay=25' }] }] : [];
  if (positionals.length === 0) return own.length > 0 ? own : CASES;
  return [...own, ...positionals.map((name) => {
    const found = CASES.find((one) => one.name === name);
    if (!found) throw new Error(`no case “${name}”; see --list`);
    return found;
  })];
}

if (values.help) {
  console.log(USAGE);
} else if (values.list) {
  for (const { name, seconds, what } of CASES) {
    console.log(`${name.padEnd(12)} ${String(seconds).padStart(3)} s  ${what}`);
  }
} else {
  const options = { kbps: Number(values.kbps), seed: Number(values.seed),
    vehicle_kbps: values['vehicle-kbps'] ? Number(values['vehicle-kbps'])
      : undefined,
    keep: values.keep, chromium: values.chromium, whole: values.whole,
    traces: values.traces,
    settings: settingsOf(values.set),
    seconds: values.seconds ? Number(values.seconds) : undefined };
  const publishers = values.publisher === 'both' ? Object.keys(PUBLISHERS)
    : [values.publisher];
  const cases = chosen();
  const lines = [];
  for (const one of cases) {
    for (let run = 0; run < Number(values.runs); run++) {
      for (const publisher of publishers) {
        const figures = await runCase(one, publisher,
          { ...options, seed: options.seed + 100 * run });
        if ('failed' in figures) process.exitCode = 1;
        lines.push({ case: one.name, publisher, ...figures });
        console.log(JSON.stringify(lines.at(-1)));
      }
    }
  }
  if (values.table) console.log(table(lines, cases));
}
