// SPDX-License-Identifier: Apache-2.0
// Recordings in the browser: whole ones, ones with gaps and several parts, and
// ones that are being made.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { startChromium } from '../lib/browsers.mjs';
import { keepLog, scenario, startCall, startRelay } from '../lib/call.mjs';
import { eventually } from '../lib/daemons.mjs';
import { hangUp, signedIn, untilText } from '../lib/pages.mjs';

/** @typedef {import('playwright-core').Page} Page */

const run = promisify(execFile);
/* Pictures that pause for longer may be missing until the next keyframe. */
const PAUSE_S = 0.5;

/**
 * The only recording's manifest, as the page's person may read it, once it is
 * as described.
 * @param {Page} page
 * @param {string} what
 * @param {(manifest: any) => boolean} described
 * @returns {Promise<any>}
 */
function manifest(page, what, described) {
  return eventually(`a recording that is ${what}`, async () => {
    const found = await page.evaluate(async () => {
      const list = await (await fetch('/api/recordings')).json();
      const [first] = list.recordings;
      return first
        && (await fetch(`/api/recordings/${first.id}`)).json();
    });
    return found && described(found) ? found : null;
  }, 30000);
}

/**
 * Plays until a time, and gives how it went.
 * @param {Page} page
 * @param {number} until seconds
 */
async function play(page, until) {
  const handle = await page.waitForFunction((end) => {
    const video = document.querySelector('video');
    if (!video) return null;
    if (video.paused && !video.ended) video.play().catch(() => {});
    if (video.currentTime < end && !video.ended) return null;
    return { at: video.currentTime, ended: video.ended,
      duration: video.duration,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      ranges: Array.from({ length: video.buffered.length }, (_, i) =>
        [video.buffered.start(i), video.buffered.end(i)]),
      problem: document.querySelector('.problem:not([hidden])')?.textContent,
      sound: /** @type {any} */ (video).webkitAudioDecodedByteCount };
  }, until, { timeout: 30000 }).catch(async (error) => {
    throw new Error(`did not play until ${until} s: ${error.message}\n${
      await page.evaluate(() => {
        const video = document.querySelector('video');
        const ranges = video ? Array.from({ length: video.buffered.length },
          (_, i) => [video.buffered.start(i), video.buffered.end(i)]) : [];
        return JSON.stringify({ at: video?.currentTime, ranges,
          ready: video?.readyState, error: video?.error?.message,
          text: document.querySelector('main')?.innerText });
      })}`);
  });
  return /** @type {any} */ (await handle.jsonValue());
}

/**
 * The times of the pictures that a browser can show, by what ffprobe finds in
 * the files: a busy machine records few, at odd times.
 * @param {import('../lib/daemons.mjs').Relay} relay
 * @param {any} whole the manifest
 * @returns {Promise<number[]>}
 */
async function pictures(relay, whole) {
  const times = [];
  for (const part of whole.parts) {
    const file = join(relay.store, 'recordings', String(whole.id),
      `part-${String(part.n).padStart(4, '0')}.mp4`);
    const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams',
      'v', '-show_entries', 'packet=pts_time,flags', '-of', 'csv=p=0', file]);
    let last = -Infinity;
    let shown = false;
    for (const line of stdout.trim().split('\n')) {
      const [time, flags] = line.split(',');
      shown = flags.startsWith('K')
        || shown && Number(time) - last < PAUSE_S;
      last = Number(time);
      if (shown) times.push(part.start_us / 1e6 + last);
    }
  }
  return times;
}

/**
 * Seeks as the slider does, until a picture is shown.
 * @param {Page} page
 * @param {number} to seconds
 * @param {number} picture the time of the one that is expected
 * @param {number} [within] so many seconds of it
 */
function seek(page, to, picture, within = 0.005) {
  return page.evaluate(([time, expected, tolerance]) => new Promise((done, fail) => {
    const video = /** @type {HTMLVideoElement} */ (
      document.querySelector('video'));
    video.pause();
    /** @type {number[]} */
    const shown = [];
    const timer = setTimeout(() => fail(new Error(`not ${expected} s is shown `
      + `for ${time} s, but ${shown}; at ${video.currentTime} s, `
      + `ready ${video.readyState}`)), 15000);
    // The first one may be from before.
    const look = (/** @type {any} */ _, /** @type {any} */ { mediaTime }) => {
      shown.push(mediaTime);
      if (!(Math.abs(mediaTime - expected) < tolerance)) {
        video.requestVideoFrameCallback(look);
        return;
      }
      clearTimeout(timer);
      done(null);
    };
    video.requestVideoFrameCallback(look);
    video.currentTime = time;
  }), [to, picture, within]);
}

/**
 * Seeks to a time, but no further than just behind the last picture before it:
 * further on may be a hole, which is jumped over. That picture must be shown.
 * @param {Page} page
 * @param {number[]} times of the pictures
 * @param {number} to seconds
 */
async function seekTo(page, times, to) {
  const picture = times.filter((time) => time <= to).at(-1) ?? NaN;
  await seek(page, Math.min(to, picture + 0.02), picture);
}

/**
 * From when to when a part goes, in seconds; from 0 to 0 where it has nothing
 * yet.
 * @param {any} part of the manifest
 */
function span(part) {
  const [first, last] = [part?.fragments[0], part?.fragments.at(-1)];
  if (!first) return { from: 0, to: 0 };
  return { from: first.start_us / 1e6,
    to: (last.start_us + last.duration_us) / 1e6 };
}

scenario('A recording plays with sound, and seeking lands where it was asked to',
  async (t) => {
    const relay = await startRelay(t);
    const vehicle = await startCall(t, relay);
    const page = await signedIn(await startChromium(t), relay);
    await manifest(page, 'over 7 s long', (m) => m.duration_us > 7e6);
    await hangUp(vehicle);
    const whole = await manifest(page, 'complete', (m) => m.complete);
    const seconds = whole.duration_us / 1e6;
    const times = await pictures(relay, whole);

    await page.click('nav a:has-text("Recordings")');
    await untilText(page, 'td', /^complete$/);
    assert.match(await page.innerText('main table'),
      /ambulance-1\s+north\s+00:\d\d/);
    await page.click('main table a');
    const begun = await play(page, 1.5);
    t.diagnostic(JSON.stringify(begun));
    // Not a still; a busy machine records few pictures, and some not at all.
    assert.ok(begun.frames > 5 && begun.sound > 0, JSON.stringify(begun));
    assert.ok(Math.abs(begun.duration - seconds) < 0.5,
      `${begun.duration} s, not ${seconds}`);
    for (const to of [5.3, 0.7, 6.1, 3.2]) await seekTo(page, times, to);
    const end = await play(page, seconds + 1);
    assert.equal(end.ended, true);
    assert.ok(Math.abs(end.at - seconds) < 0.5, `ended at ${end.at} s`);
    assert.equal(await page.isVisible('.problem'), false);
  });

scenario('A recording with a gap and two parts plays from end to end',
  async (t) => {
    const relay = await startRelay(t);
    const vehicle = await startCall(t, relay);
    const page = await signedIn(await startChromium(t), relay);
    await manifest(page, 'over 3 s long', (m) => m.duration_us > 3e6);
    await relay.daemon?.kill();
    await relay.start();
    keepLog(t, relay.daemon);
    await manifest(page, 'of two parts and 3 s more', (m) => {
      const { from, to } = span(m.parts[1]);
      return m.parts.length === 2 && to - from > 3;
    });
    await hangUp(vehicle);
    const whole = await manifest(page, 'complete', (m) => m.complete);
    const [first, second] = whole.parts.map(span);
    t.diagnostic(JSON.stringify({ first, second, gaps: whole.gaps }));
    const times = await pictures(relay, whole);

    await page.goto(`${relay.loopback}/#/recording/${whole.id}`);
    await untilText(page, 'main li', /no (picture|sound) for \d\d:\d\d/);
    // Across the gap, by playing on.
    await seekTo(page, times, Math.max(first.to - 1.2, 0));
    const across = await play(page, second.from + 1);
    assert.ok(Math.abs(across.duration - whole.duration_us / 1e6) < 0.5,
      `${JSON.stringify(across)}, not ${whole.duration_us / 1e6}`);
    // Into the first part again, behind the gap again, and into the gap.
    await seekTo(page, times, 0.5);
    await seekTo(page, times, second.from + 1.5);
    await seek(page, (first.to + second.from) / 2, second.from, 0.5);
    const end = await play(page, whole.duration_us / 1e6 + 1);
    assert.equal(end.ended, true);
    assert.equal(await page.isVisible('.problem'), false);
  });

scenario('A recording that is being made can be watched, and goes on',
  async (t) => {
    const relay = await startRelay(t);
    const vehicle = await startCall(t, relay);
    const browser = await startChromium(t);
    const page = await signedIn(browser, relay);
    const early = await manifest(page, 'begun', (m) => m.duration_us > 2e6);
    assert.equal(early.complete, false);
    const second = await signedIn(browser, relay, 'it', 'governance');
    for (const viewer of [page, second]) {
      await viewer.goto(`${relay.loopback}/#/recording/${early.id}`);
      await untilText(viewer, 'main p', /so far, being recorded/);
    }
    // Past what was there when it was opened, on both.
    const beyond = early.duration_us / 1e6 + 4;
    const [one, other] = await Promise.all(
      [page, second].map((viewer) => play(viewer, beyond)));
    assert.ok(one.at >= beyond && other.at >= beyond,
      `${one.at} s, ${other.at} s`);
    await hangUp(vehicle);
    await untilText(page, 'main p', /\d\d:\d\d long/);
    const end = await play(page, 1e6);
    const whole = await manifest(page, 'complete', (m) => m.complete);
    assert.ok(Math.abs(end.at - whole.duration_us / 1e6) < 0.5,
      `ended at ${end.at} s of ${whole.duration_us / 1e6}`);
  });
