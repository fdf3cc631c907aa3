// SPDX-License-Identifier: Apache-2.0
// Chromium as a viewer or a publisher, and what its pages can be asked.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/**
 * @typedef {import('node:test').TestContext} TestContext
 * @typedef {import('playwright-core').Page} Page
 */

/**
 * A browser with an empty profile; with a made-up camera and microphone.
 * @param {TestContext} t
 * @param {{ autoplay?: boolean, namespace?: string, args?: string[] }}
 *   [options] `autoplay`: plays sound without a press before; `namespace`: the
 *   network namespace it runs in
 */
export async function startChromium(t, options = {}) {
  const { autoplay = true, namespace, args = [] } = options;
  const profile = await mkdtemp(join(tmpdir(), 'bluelight-chromium-'));
  const program = process.env.BL_CHROMIUM ?? '/usr/bin/chromium';
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: namespace ? await placed(profile, namespace, program)
      : program,
    headless: false, // playwright's own flag; Chromium has a better one
    args: ['--headless=new', '--no-sandbox', '--disable-gpu',
      '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
      ...(autoplay ? ['--autoplay-policy=no-user-gesture-required']
        : ['--autoplay-policy=document-user-activation-required']),
      '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
      '--disable-features=WebRtcHideLocalIpsWithMdns', ...args],
  });
  t.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  await context.addInitScript(keepConnections);
  return context;
}

/**
 * A program of its own that starts another one in a network namespace.
 * @param {string} folder
 * @param {string} namespace
 * @param {string} program
 */
async function placed(folder, namespace, program) {
  const file = join(folder, 'in-namespace');
  await writeFile(file, `#!/bin/sh\nexec ip netns exec ${namespace} ${program} `
    + '"$@"\n', { mode: 0o700 });
  return file;
}

/** In each page: keeps its connections where a test can ask them. */
function keepConnections() {
  const page = /** @type {any} */ (globalThis);
  const Original = page.RTCPeerConnection;
  page.connections = [];
  page.RTCPeerConnection = class extends Original {
    /** @param {...any} args */
    constructor(...args) {
      super(...args);
      page.connections.push(this);
    }
  };
}

/**
 * Signs in by a one-time code and opens a call, as a clinician does.
 * @param {import('playwright-core').BrowserContext} browser
 * @param {import('./daemons.mjs').Relay} relay
 */
export async function openCall(browser, relay) {
  const code = await relay.person(`nurse${Date.now()}`, 'clinician');
  const page = await browser.newPage();
  await page.goto(`${relay.loopback}/#code=${code}`);
  await page.click('.calls a', { timeout: 20000 });
  return page;
}

/**
 * Watches a page's video until `pictures` different ones have been shown and
 * `seconds` of sound decoded; gives what was counted. Fails with what was
 * counted when that takes too long.
 * @param {Page} page
 * @param {{ pictures?: number, seconds?: number, ms?: number }} [wanted]
 */
export async function watch(page, wanted = {}) {
  const want = { pictures: 60, seconds: 2, ms: 25000, ...wanted };
  const seen = await page.evaluate(watchInPage, want);
  if (!seen.enough) {
    throw new Error(`not within ${want.ms} ms: ${want.pictures} different `
      + `pictures and ${want.seconds} s of sound; saw ${JSON.stringify(seen)}`
      + `\n${await page.innerText('main').catch(() => '')}`);
  }
  return seen;
}

/** @param {{ pictures: number, seconds: number, ms: number }} want */
async function watchInPage({ pictures, seconds, ms }) {
  const page = /** @type {any} */ (globalThis);
  const canvas = document.createElement('canvas');
  canvas.width = 64;
  canvas.height = 36;
  const context = /** @type {any} */ (
    canvas.getContext('2d', { willReadFrequently: true }));
  const different = new Set();
  /** @type {number[]} */
  const agesMs = [];
  let frames = 0;

  const look = () => {
    const video = document.querySelector('video');
    if (!video) {
      setTimeout(look, 50);
      return;
    }
    const shown = () => {
      if (video !== document.querySelector('video')) {
        look();
        return;
      }
      frames++;
      context.drawImage(video, 0, 0, 64, 36);
      different.add(context.getImageData(0, 0, 64, 36).data.join());
      const age = /([\d.]+) s old/.exec(
        document.querySelector('output.age')?.textContent ?? '');
      if (age) agesMs.push(Math.round(1000 * Number(age[1])));
      video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
  };
  look();

  const count = async () => {
    const all = await page.connections.at(-1)?.getStats() ?? new Map();
    const stats = [...all.values()];
    const inbound = stats.filter((/** @type {any} */ s) =>
      s.type === 'inbound-rtp');
    const of = (/** @type {string} */ kind) =>
      inbound.find((/** @type {any} */ s) => s.kind === kind) ?? {};
    const { audio, video } = { audio: of('audio'), video: of('video') };
    const transport = stats.find((/** @type {any} */ s) =>
      s.type === 'transport') ?? {};
    const sound = (audio.totalSamplesReceived ?? 0)
      - (audio.concealedSamples ?? 0);
    agesMs.sort((a, b) => a - b);
    return {
      enough: different.size >= pictures && sound >= 48000 * seconds
        && (seconds === 0 || audio.totalAudioEnergy > 0),
      different: different.size,
      frames,
      decoded: video.framesDecoded,
      freezes: video.freezeCount,
      width: document.querySelector('video')?.videoWidth,
      codec: all.get(video.codecId)?.mimeType,
      fmtp: all.get(video.codecId)?.sdpFmtpLine,
      sound,
      energy: audio.totalAudioEnergy,
      ageMs: agesMs[Math.floor(agesMs.length / 2)],
      srtp: transport.srtpCipher,
      dtls: transport.tlsVersion,
      state: page.connections.at(-1)?.connectionState,
    };
  };
  const until = performance.now() + ms;
  let seen = await count();
  while (!seen.enough && performance.now() < until) {
    await new Promise((done) => setTimeout(done, 100));
    seen = await count();
  }
  return seen;
}
