#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// How far sound and picture of a recording are apart, and whether they drift:
// a vehicle sends a film with a flash and a beep at each full second, the relay
// records it, ffmpeg says where in the recording they are.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Relay, Vehicle, eventually, http, makeCertificates, scratch }
  from '../../tests/lib/daemons.mjs';

const USAGE = `usage: tools/bench avsync [--minutes N] [--limit-ms N]

Records a film of N minutes (10) with a flash and a beep each second, and prints
how much later than the flash the beep is in the recording: one line of JSON.
Exit status: 0 all within the limit (40 ms), 1 not. BL_BUILD: the build folder.`;

const run = promisify(execFile);
const BIG = { maxBuffer: 256 << 20 };

/**
 * @param {string} file
 * @param {number} seconds
 */
async function makeFilm(file, seconds) {
  const on = 'lt(mod(t,1),0.2)';
  await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i',
    `color=black:s=320x180:r=30:d=${seconds},drawbox=c=white:t=fill:`
    + `enable='${on}'`, '-f', 'lavfi', '-i',
    `aevalsrc='if(${on},0.5*sin(2*PI*1000*t),0)':s=48000:d=${seconds}`,
    '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'pcm_s16le', file]);
}

/**
 * Where flashes and beeps begin in a recording's part, in seconds.
 * @param {string} file
 */
async function find(file) {
  const { stderr } = await run('ffmpeg', ['-hide_banner', '-copyts', '-i', file,
    '-vf', 'blackdetect=d=0.3:pix_th=0.3', '-af',
    'silencedetect=noise=-30dB:d=0.3', '-fps_mode', 'passthrough',
    '-enc_time_base', '-1', '-f', 'null', '-'], BIG);
  const times = (/** @type {RegExp} */ pattern) =>
    [...stderr.matchAll(pattern)].map((match) => Number(match[1]));
  return { flashes: times(/black_end:([\d.]+)/g),
    beeps: times(/silence_end: ([\d.]+)/g) };
}

/**
 * How much later each flash's beep is, in ms.
 * @param {{ flashes: number[], beeps: number[] }} found
 */
function offsets({ flashes, beeps }) {
  return flashes.flatMap((flash) => {
    const near = beeps.filter((beep) => Math.abs(beep - flash) < 0.4);
    return near.length === 1 ? [(near[0] - flash) * 1000] : [];
  });
}

/** @param {number[]} values */
function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/**
 * A call that sends the film from its start to its end.
 * @param {any} t
 * @param {string} folder
 * @param {string} film
 * @param {number} seconds
 */
async function record(t, folder, film, seconds) {
  await makeCertificates(folder, ['127.0.0.1'], ['bench-1']);
  const relay = new Relay(t, { folder });
  await relay.start();
  const vehicle = new Vehicle(t, { folder, relay, unit: 'bench-1',
    capture: { pipeline: 'file', location: film, loop: 'false', width: 320,
      height: 180 } });
  await vehicle.start('--call', 'north');
  await vehicle.daemon?.says(/state live/);
  await new Promise((done) => setTimeout(done, seconds * 1000));
  await http({}, `${vehicle.url}/hangup`, { method: 'POST', body: '{}',
    headers: { 'Content-Type': 'application/json' } });
  await eventually('the recording is complete', async () =>
    /recording 1 ended/.test(relay.daemon?.log ?? ''));
  return join(relay.store, 'recordings/1/part-0001.mp4');
}

/**
 * @param {any} t
 * @param {number} minutes
 */
async function measure(t, minutes) {
  const folder = await scratch(t);
  const film = join(folder, 'film.mkv');
  const seconds = minutes * 60;
  await makeFilm(film, seconds + 5);
  const found = await find(await record(t, folder, film, seconds));
  const later = offsets(found);
  const edge = Math.max(5, Math.floor(later.length / 10));
  const start_ms = median(later.slice(0, edge));
  const end_ms = median(later.slice(-edge));
  const rounded = (/** @type {number} */ ms) => Math.round(ms * 10) / 10;
  return { minutes, flashes: found.flashes.length, pairs: later.length,
    start_ms: rounded(start_ms), end_ms: rounded(end_ms),
    drift_ms: rounded(end_ms - start_ms), min_ms: rounded(Math.min(...later)),
    max_ms: rounded(Math.max(...later)) };
}

const { values } = parseArgs({ options: {
  minutes: { type: 'string', default: '10' },
  'limit-ms': { type: 'string', default: '40' },
  help: { type: 'boolean', short: 'h' } } });
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
/** @type {(() => unknown)[]} */
const leaving = [];
const t = { after: (/** @type {() => unknown} */ leave) => {
  leaving.unshift(leave);
} };
try {
  const minutes = Number(values.minutes);
  const limit = Number(values['limit-ms']);
  const figures = await measure(t, minutes);
  console.log(JSON.stringify(figures));
  const enough = figures.pairs > minutes * 60 * 0.8;
  const worst = Math.max(-figures.min_ms, figures.max_ms);
  process.exitCode = enough && worst <= limit ? 0 : 1;
} finally {
  for (const leave of leaving) await leave();
}
