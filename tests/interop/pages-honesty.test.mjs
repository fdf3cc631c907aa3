// SPDX-License-Identifier: Apache-2.0
// What is not live never looks live: the call page, while what it shows is
// frozen, killed, restarted and hung up.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startChromium } from '../lib/browsers.mjs';
import { keepLog, scenario, startCall, startRelay } from '../lib/call.mjs';
import { Daemon, Vehicle } from '../lib/daemons.mjs';
import { amend, hangUp, openListed, signedIn, untilCovered, untilFact,
  untilLive, untilText } from '../lib/pages.mjs';
import { publish } from '../lib/publisher.mjs';

/**
 * A call from an ambulance, live on the page of a clinician.
 * @param {import('node:test').TestContext} t
 */
async function watchCall(t) {
  const relay = await startRelay(t);
  const vehicle = await startCall(t, relay);
  const page = await signedIn(await startChromium(t), relay);
  await openListed(page);
  await untilLive(page);
  return { relay, vehicle, page };
}

/**
 * In the page: notes when the last picture came, and when the cover did.
 * @typedef {{ pictureMs: number, coverMs: number, age: string }} Noted
 */
function note() {
  const noted = { pictureMs: NaN, coverMs: NaN, age: '' };
  /** @type {any} */ (globalThis).noted = noted;
  const video = /** @type {HTMLVideoElement} */ (
    document.querySelector('video'));
  const cover = /** @type {HTMLElement} */ (document.querySelector('.cover'));
  const picture = () => {
    if (cover.hidden) noted.pictureMs = performance.now();
    video.requestVideoFrameCallback(picture);
  };
  video.requestVideoFrameCallback(picture);
  new MutationObserver(() => {
    if (cover.hidden) return;
    noted.coverMs = performance.now();
    noted.age = document.querySelector('output.age')?.textContent ?? '';
  }).observe(cover, { attributeFilter: ['hidden'] });
}

scenario('A frozen ambulance is covered within 1.6 s and live again after it',
  async (t) => {
    const { vehicle, page } = await watchCall(t);
    await page.evaluate(note);
    await page.waitForFunction(() =>
      /** @type {any} */ (globalThis).noted.pictureMs > 0);
    const pid = vehicle.daemon?.process;
    pid?.kill('SIGSTOP');
    try {
      await untilCovered(page, /No new picture arrives\./);
    } finally {
      pid?.kill('SIGCONT');
    }
    const noted = /** @type {Noted} */ (await page.evaluate(() =>
      /** @type {any} */ (globalThis).noted));
    t.diagnostic(JSON.stringify(noted));
    const age = Number.parseFloat(noted.age);
    assert.ok(age >= 1 && age <= 1.6, `covered at an age of ${noted.age}`);
    const after = noted.coverMs - noted.pictureMs;
    assert.ok(after < 1600, `covered ${after} ms after the last picture`);
    await untilLive(page);
    await untilFact(page, 'Call', /^Live$/);
  });

scenario('A call whose ambulance is killed is lost, and comes back by itself',
  async (t) => {
    const { vehicle, page } = await watchCall(t);
    await page.evaluate(() => { document.body.dataset.loaded = 'once'; });
    await vehicle.daemon?.kill();
    await untilCovered(page, /The ambulance has lost its connection/, 30000);
    await untilFact(page, 'Call', /^Waiting for the ambulance/);
    await untilFact(page, 'Ambulance’s connection', /^lost: /);
    // Whose fault it is not.
    await untilFact(page, 'Your connection', /^good$/);
    await untilFact(page, 'Sound', /^NO SOUND ARRIVES$/);
    if (process.env.BL_SCREENSHOTS) {
      await page.screenshot({ path: join(process.env.BL_SCREENSHOTS,
        'call-lost.png') });
    }
    await vehicle.start();
    keepLog(t, vehicle.daemon);
    await untilLive(page);
    await untilFact(page, 'Call', /^Live$/);
    await untilFact(page, 'Ambulance’s connection', /^good$/);
    await untilFact(page, 'Sound', /^arrives/);
    assert.equal(await page.evaluate(() => document.body.dataset.loaded),
      'once');
  });

scenario('The ambulance’s connection is called good, poor or lost as the crew reads',
  async (t) => {
    const { page } = await watchCall(t);
    await untilFact(page, 'Ambulance’s connection', /^good$/);
    /** @type {string | null} */
    let connection = 'poor';
    // What the words stand for is in tests/unit/base/test_connection.c.
    const restore = await amend(page, '**/api/calls/*', (call) => {
      call.health.connection = connection;
      return call;
    });
    await untilFact(page, 'Ambulance’s connection', /^poor: the picture may/);
    if (process.env.BL_SCREENSHOTS) {
      await page.screenshot({ path: join(process.env.BL_SCREENSHOTS,
        'call-poor.png') });
    }
    // A poor network is no reason to cover a picture that is young.
    assert.equal(await page.isVisible('.cover'), false);
    connection = null;
    await untilFact(page, 'Ambulance’s connection', /^not known$/);
    await restore();
  });

scenario('The page outlives a relay that is killed and started anew',
  async (t) => {
    const { relay, vehicle, page } = await watchCall(t);
    await page.evaluate(() => { document.body.dataset.loaded = 'once'; });
    await relay.daemon?.kill();
    await untilCovered(page, /No new picture arrives|Connecting to the relay/);
    await page.waitForSelector('.problem:not([hidden])');
    assert.match(await page.innerText('.problem'), /relay does not answer/);
    await untilFact(page, 'Your connection', /^lost: it comes back by itself$/);
    await relay.start();
    keepLog(t, relay.daemon);
    await untilLive(page, 40000);
    await untilFact(page, 'Your connection', /^good$/);
    assert.equal(await page.isVisible('.problem'), false);
    assert.equal(await page.evaluate(() => document.body.dataset.loaded),
      'once');

    await hangUp(vehicle);
    await untilCovered(page, /The call has ended\./);
    await untilFact(page, 'Call', /^Ended$/);
    await untilFact(page, 'Your connection', /^not in use$/);
    await untilFact(page, 'Sound', /^NO SOUND ARRIVES$/);
    // Nothing brings it back: it is asked of the relay each second.
    await page.waitForResponse((response) =>
      /\/api\/calls\//.test(response.url()));
    await page.waitForResponse((response) =>
      /\/api\/calls\//.test(response.url()));
    assert.equal(await page.isVisible('.cover'), true);
  });

/** In the page: for 60 pictures, its age as shown against the truth. */
async function compareAges() {
  const BITS = 20;
  const video = /** @type {HTMLVideoElement} */ (
    document.querySelector('video'));
  const age = /** @type {HTMLElement} */ (
    document.querySelector('output.age'));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = /** @type {CanvasRenderingContext2D} */ (
    canvas.getContext('2d', { willReadFrequently: true }));
  const column = video.videoWidth / BITS;

  const readTime = () => {
    context.drawImage(video, 0, 0);
    const y = Math.floor(video.videoHeight / 2);
    let time = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const x = Math.floor((bit + 0.5) * column);
      time = 2 * time + (context.getImageData(x, y, 1, 1).data[1] > 127 ? 1 : 0);
    }
    return time;
  };
  let time = NaN;
  const picture = () => {
    time = readTime();
    video.requestVideoFrameCallback(picture);
  };
  video.requestVideoFrameCallback(picture);
  /** @type {{ shownMs: number, trueMs: number }[]} */
  const ages = [];
  await new Promise((done) => {
    new MutationObserver(() => {
      const shown = Number.parseFloat(age.textContent ?? '');
      if (Number.isNaN(time) || Number.isNaN(shown)) return;
      const trueMs = (Date.now() % 2 ** BITS - time + 2 ** BITS) % 2 ** BITS;
      ages.push({ shownMs: Math.round(1000 * shown), trueMs });
      if (ages.length >= 30) done(undefined);
    }).observe(age, { childList: true });
    setTimeout(done, 30000);
  });
  return ages;
}

scenario('The age shown is the age of what the camera saw', async (t) => {
  const relay = await startRelay(t);
  const socket = join(relay.folder, 'camera');
  const camera = new Daemon('camera', ['/usr/bin/python3', fileURLToPath(
    new URL('../lib/clock_source.py', import.meta.url)), socket, '640', '360',
  '25']);
  keepLog(t, camera);
  t.after(() => camera.stop());
  await camera.says(/^ready/m);
  const vehicle = new Vehicle(t, { folder: relay.folder, relay,
    unit: 'ambulance-1', capture: { pipeline: 'shm', location: socket,
      sound: 'none', fps: 25 } });
  await vehicle.start('--call', 'north');
  keepLog(t, vehicle.daemon);
  const page = await signedIn(await startChromium(t), relay);
  await openListed(page);
  await untilLive(page);
  await untilFact(page, 'Picture', /^[\d.]+ s old$/); // the clock is measured
  const ages = await page.evaluate(compareAges);
  const errors = ages.map(({ shownMs, trueMs }) => shownMs - trueMs)
    .sort((a, b) => a - b);
  t.diagnostic(`true ${ages.map((a) => a.trueMs)}; shown less true, in ms: ${
    errors}`);
  assert.ok(ages.length >= 10, `${ages.length} ages`);
  const median = errors[Math.floor(errors.length / 2)];
  assert.ok(Math.abs(median) <= 300, `wrong by ${median} ms`);
  // This vehicle has no microphone: silence must not pass for sound.
  await untilFact(page, 'Sound', /^arrives, but is silent/);
});

scenario('Sound that stops is said to stop, and the picture stays live',
  async (t) => {
    const relay = await startRelay(t);
    const browser = await startChromium(t);
    const { page: publisher } = await publish(t, relay, browser);
    const page = await signedIn(browser, relay);
    await openListed(page);
    await untilLive(page);
    await untilFact(page, 'Sound', /^arrives$/);
    /** @param {boolean} on */
    const setSound = (on) => publisher.evaluate(async (wanted) => {
      const global = /** @type {any} */ (globalThis);
      const [sender] = global.publisher.pc.getSenders();
      global.track ??= sender.track;
      await sender.replaceTrack(wanted ? global.track : null);
    }, on);
    await setSound(false);
    await untilFact(page, 'Sound', /^NO SOUND ARRIVES$/);
    assert.equal(await page.isVisible('.cover'), false);
    await setSound(true);
    await untilFact(page, 'Sound', /^arrives$/);
  });

scenario('A workstation whose network is too slow is told so, in words',
  async (t) => {
    const relay = await startRelay(t);
    await startCall(t, relay);
    const page = await signedIn(await startChromium(t), relay);
    let pictures = 'all';
    // The relay itself thins a viewer in tests/system/slow.test.mjs.
    const restore = await amend(page, '**/api/calls/*', (call) => {
      for (const session of call.sessions) session.pictures = pictures;
      return call;
    });
    await openListed(page);
    await untilLive(page);
    assert.equal(await page.isVisible('#thinned'), false);
    for (const [given, words] of /** @type {const} */ ([
      ['keyframes', /^This workstation’s network is too slow: one picture/],
      ['none', /^This workstation’s network is too slow for pictures/],
      ['referenced', /^This workstation’s network is slow: fewer pictures/],
    ])) {
      pictures = given;
      await untilText(page, '#thinned', words);
      assert.equal(await page.isVisible('#thinned'), true);
      await untilFact(page, 'Your connection', /^poor: less comes than/);
      await untilFact(page, 'Ambulance’s connection', /^good$/);
    }
    pictures = 'all';
    await page.waitForSelector('#thinned', { state: 'hidden' });
    await untilFact(page, 'Your connection', /^good$/);
    await restore();
  });

scenario('A page that is being left is covered before the next one comes',
  async (t) => {
    const { page } = await watchCall(t);
    // The relay stops answering just when the next page is asked for.
    await page.route('**/api/me', () => {});
    await page.click('nav a:has-text("Recordings")');
    await untilCovered(page, /This page is being left/);
  });

scenario('A computer that slept shows nothing until it knows the time again',
  async (t) => {
    const { page } = await watchCall(t);
    await page.route('**/api/time', (route) => route.abort());
    await page.evaluate(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() - 5000;
    });
    await untilCovered(page, /clocks of the relay and this computer/);
    await page.unroute('**/api/time');
    await untilLive(page);
  });

scenario('A browser that keeps the sound off says so, and one press turns it on',
  async (t) => {
    const relay = await startRelay(t);
    await startCall(t, relay);
    const browser = await startChromium(t, { autoplay: false });
    const code = await relay.person('nurse', 'clinician');
    const page = await browser.newPage();
    // Opened by its address, with no press before.
    await page.goto(`${relay.loopback}/#code=${code}`);
    const href = await page.getAttribute('.calls a', 'href');
    await page.goto('about:blank');
    await page.goto(`${relay.loopback}/${href}`);
    // Playwright's own questions count as presses; the protocol's do not.
    const protocol = await browser.newCDPSession(page);
    const { result } = await protocol.send('Runtime.evaluate', {
      awaitPromise: true,
      expression: `new Promise((done) => {
        const look = () => {
          const facts = document.querySelector('dl')?.textContent ?? '';
          if (/Sound ?arrives/.test(facts)) done(facts);
          else setTimeout(look, 100);
        };
        look();
      })`,
    });
    assert.match(result.value, /Sound ?arrives, but is off/);
    await untilLive(page);
    await page.click('button:has-text("Turn the sound on")');
    await untilFact(page, 'Sound', /^arrives$/);
    assert.equal(await page.isVisible('button:has-text("Turn the sound on")'),
      false);
  });

scenario('Without H.264 there is a sentence and sound, and no black rectangle',
  async (t) => {
    const relay = await startRelay(t);
    await startCall(t, relay);
    const browser = await startChromium(t);
    await browser.addInitScript(() => {
      const original = RTCRtpReceiver.getCapabilities;
      RTCRtpReceiver.getCapabilities = (kind) => {
        const all = original.call(RTCRtpReceiver, kind);
        return all && { ...all, codecs: all.codecs.filter(
          (codec) => codec.mimeType !== 'video/H264') };
      };
    });
    const page = await signedIn(browser, relay);
    await openListed(page);
    await untilCovered(page, /Open this page in Chromium, Chrome or Edge/);
    await untilFact(page, 'Sound', /^arrives$/);
    assert.equal(await page.evaluate(() =>
      getComputedStyle(/** @type {Element} */ (
        document.querySelector('.cover'))).visibility), 'visible');
  });
