// SPDX-License-Identifier: Apache-2.0
// Watches the demo's call in Chromium as a clinician would, hangs up, plays
// the recording; says what it measured. Exit 0 if all is well.

import { createRequire } from 'node:module';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(new URL('../tests/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const { BL_RELAY, BL_VEHICLE, BL_CODE, BL_SCREENSHOTS } = process.env;
const WATCH_MS = 6000;

let wrong = 0;

function report(what, good, figure) {
  if (!good) wrong++;
  console.log(`${good ? 'ok    ' : 'WRONG '} ${what}: ${figure}`);
}

async function screenshot(page, name) {
  if (BL_SCREENSHOTS) await page.screenshot({ path: join(BL_SCREENSHOTS, name) });
}

/** Keeps the page's connections where this program can ask them. */
function keepConnections() {
  const Original = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }
  };
}

/** In the page: frames, ages and stats over `ms`. */
async function watch(ms) {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  canvas.width = 64;
  canvas.height = 36;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const stats = async () => {
    const all = await window.connections.at(-1).getStats();
    const inbound = [...all.values()].filter((s) => s.type === 'inbound-rtp');
    const of = (kind) => inbound.find((s) => s.kind === kind) ?? {};
    return { video: of('video'), audio: of('audio') };
  };
  const before = await stats();
  const pictures = new Set();
  let frames = 0;
  const ages = [];
  const until = performance.now() + ms;
  await new Promise((resolve) => {
    setTimeout(resolve, ms + 1000);
    const frame = () => {
      frames++;
      context.drawImage(video, 0, 0, 64, 36);
      pictures.add(context.getImageData(0, 0, 64, 36).data.join());
      const shown = /([\d.]+) s old/.exec(
        document.querySelector('output.age').textContent);
      if (shown) ages.push(Number(shown[1]));
      if (performance.now() < until) video.requestVideoFrameCallback(frame);
      else resolve();
    };
    video.requestVideoFrameCallback(frame);
  });
  const after = await stats();
  const seconds = ms / 1000;
  return {
    frames,
    different: pictures.size,
    fps: frames / seconds,
    age: ages.sort((a, b) => a - b)[Math.floor(ages.length / 2)],
    kbps: (after.video.bytesReceived - before.video.bytesReceived)
      * 8 / 1000 / seconds,
    size: `${video.videoWidth}x${video.videoHeight}`,
    sound: after.audio.totalSamplesReceived
      - before.audio.totalSamplesReceived,
    energy: after.audio.totalAudioEnergy - before.audio.totalAudioEnergy,
    covered: !document.querySelector('.cover').hidden,
  };
}

async function checkCall(page) {
  await page.goto(`${BL_RELAY}/#code=${BL_CODE}`);
  await page.click('.calls a', { timeout: 20000 });
  const clicked = Date.now();
  await page.waitForFunction(
    () => document.querySelector('.cover')?.hidden, null, { timeout: 20000 });
  report('first live picture after the click', true,
    `${Date.now() - clicked} ms`);
  const seen = await page.evaluate(watch, WATCH_MS);
  await screenshot(page, 'call.png');
  report('pictures', seen.fps > 10 && seen.different > seen.frames / 4,
    `${seen.fps.toFixed(1)} a second, ${seen.different} of ${seen.frames} `
    + `different, ${seen.size}, ${seen.kbps.toFixed(0)} kb/s`);
  report('age of the picture, median', seen.age < 1, `${seen.age} s`);
  report('sound', seen.sound > 40000 * (WATCH_MS / 1000) && seen.energy > 0,
    `${seen.sound} samples, energy ${seen.energy.toFixed(4)}`);
  report('NOT LIVE cover', !seen.covered, seen.covered ? 'shown' : 'not shown');
}

async function checkHangUp(page) {
  const response = await fetch(`${BL_VEHICLE}/hangup`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
  });
  await page.waitForFunction(
    () => /ended/i.test(document.querySelector('.cover').textContent)
      && !document.querySelector('.cover').hidden,
    null, { timeout: 15000 });
  report('hang-up', response.ok, 'the page covers the picture');
  await screenshot(page, 'ended.png');
}

async function checkRecording(page) {
  await page.goto(`${BL_RELAY}/#/recordings`);
  await page.waitForFunction(async () => {
    const response = await fetch('/api/recordings');
    return (await response.json()).recordings[0]?.complete;
  }, null, { timeout: 15000, polling: 250 });
  await page.reload();
  await screenshot(page, 'recordings.png');
  await page.click('main table a');
  await page.waitForFunction(
    () => document.querySelector('video')?.readyState >= 2,
    null, { timeout: 15000 });
  const played = await page.evaluate(async () => {
    const video = document.querySelector('video');
    await video.play();
    await new Promise((resolve) => {
      setTimeout(resolve, 10000);
      video.addEventListener('timeupdate', () => {
        if (video.currentTime > 2) resolve();
      });
    });
    const { totalVideoFrames } = video.getVideoPlaybackQuality();
    return { at: video.currentTime, duration: video.duration,
      totalVideoFrames, sound: video.webkitAudioDecodedByteCount };
  });
  await screenshot(page, 'recording.png');
  report('recording plays',
    played.at > 2 && played.totalVideoFrames > 20 && played.sound > 0
      && played.duration > WATCH_MS / 1000,
    `${played.duration.toFixed(1)} s long, ${played.totalVideoFrames} pictures `
    + `and ${played.sound} bytes of sound in the first ${played.at.toFixed(1)} s`);
}

const profile = mkdtempSync(join(tmpdir(), 'bluelight-browser-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  headless: true,
  viewport: { width: 1280, height: 900 },
  args: ['--headless=new', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--disable-features=WebRtcHideLocalIpsWithMdns',
    ...(process.getuid() === 0 ? ['--no-sandbox'] : [])],
});
try {
  await browser.addInitScript(keepConnections);
  const page = browser.pages()[0] ?? await browser.newPage();
  page.on('pageerror', (error) => report('script', false, error.message));
  await checkCall(page);
  await checkHangUp(page);
  await checkRecording(page);
} catch (error) {
  report('watching', false, error.message);
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
process.exit(wrong === 0 ? 0 : 1);
