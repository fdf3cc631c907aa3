// SPDX-License-Identifier: Apache-2.0
// Who sends the picture: our vehicle, or Chromium (libwebrtc with its GCC) as a
// third party's WHIP publisher. Both are given the same pictures.

import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChromium } from '../../../tests/lib/browsers.mjs';
import { Daemon } from '../../../tests/lib/daemons.mjs';
import { SHAPE } from './stamp.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const PAGE_PORT = 8000;

/**
 * @typedef {{ kbps: number, settings: Record<string, Record<string,
 *   string | number>> }} Options
 * @typedef {(t: any, bed: import('../../../tests/lib/mobile.mjs').MobileSite, options: Options) =>
 *   Promise<{ log: () => string }>} Start
 */

/** @type {Start} */
async function startVehicle(t, bed, { kbps, settings }) {
  const socket = join(bed.folder, 'camera');
  const camera = new Daemon('camera', ['/usr/bin/python3',
    join(HERE, 'camera.py'), socket, join(bed.folder, 'clip.i420'),
    ...Object.values(SHAPE).map(String)]);
  t.after(() => camera.stop());
  await camera.says(/^ready/m);
  const vehicle = await bed.startVehicle({
    settings: { log: { health_s: 1 }, ...settings },
    capture: { pipeline: 'shm', location: socket, sound: 'tone',
      bitrate_kbps: kbps, ...SHAPE } });
  return { log: () => vehicle.daemon?.log ?? '' };
}

/** @type {Start} */
async function startPeer(t, bed, { kbps }) {
  for (const name of ['publisher.html', 'camera.js']) {
    await copyFile(join(HERE, name), join(bed.folder, name));
  }
  await copyFile(fileURLToPath(new URL(
    '../../../tests/interop/publisher.js', import.meta.url)),
  join(bed.folder, 'publisher.js'));
  const server = new Daemon('page', ['/usr/bin/python3', '-u', '-m',
    'http.server', String(PAGE_PORT), '--bind', '127.0.0.1', '--directory',
    bed.folder], { namespace: bed.publisher });
  t.after(() => server.stop());
  await server.says(/Serving HTTP/);
  const browser = await startChromium(t, { namespace: bed.publisher,
    args: ['--ignore-certificate-errors'] });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${PAGE_PORT}/publisher.html`);
  await page.waitForFunction(() => 'WhipPublisher' in globalThis
    && 'startCamera' in globalThis);
  const url = `https://${bed.address}:${bed.site.relay.port}/whip/north`;
  const token = await bed.site.relay.token('--publish', 'north');
  await page.evaluate(async ({ shape, target, bearer, bps }) => {
    const global = /** @type {any} */ (globalThis);
    const publisher = new global.WhipPublisher(target, bearer);
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    stream.addTrack(await global.startCamera('clip.i420', shape));
    await publisher.publish(stream);
    const sender = publisher.pc.getSenders().find(
      (/** @type {RTCRtpSender} */ s) => s.track?.kind === 'video');
    const parameters = sender.getParameters();
    parameters.encodings[0].maxBitrate = bps;
    await sender.setParameters(parameters);
    // What an application does with a connection that has failed.
    setInterval(() => {
      if (publisher.pc.connectionState === 'failed') {
        publisher.restart().catch(() => {});
      }
    }, 1000);
  }, { shape: SHAPE, target: url, bearer: token, bps: kbps * 1000 });
  return { log: () => '' };
}

/** @type {Record<string, Start>} */
export const PUBLISHERS = { vehicle: startVehicle, chromium: startPeer };
