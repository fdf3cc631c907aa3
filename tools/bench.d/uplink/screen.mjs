// SPDX-License-Identifier: Apache-2.0
// The relay's own page in a real Chromium beside the relay: which pictures it
// showed, when, by the bits in its pixels.

import { openCall, startChromium } from '../../../tests/lib/browsers.mjs';
import { mend } from './judge.mjs';
import { checked, SHAPE, STAMP, STAMP_HEIGHT, wholeTime } from './stamp.mjs';

/**
 * In the page: notes each picture that is shown.
 * @param {{ bits: number, share: number }} stamp `share`: of the picture's
 *   height that the rows take
 */
function noteInPage({ bits, share }) {
  const page = /** @type {any} */ (globalThis);
  /** @type {number[][]} */
  page.shown = [];
  const [column, row] = [8, 8];
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [bits * column, 3 * row];
  const context = /** @type {CanvasRenderingContext2D} */ (
    canvas.getContext('2d', { willReadFrequently: true }));
  const read = (/** @type {ImageData} */ image, /** @type {number} */ y) => {
    let value = 0;
    for (let bit = 0; bit < bits; bit++) {
      const at = 4 * (y * image.width + Math.floor((bit + 0.5) * column)) + 1;
      value = 2 * value + (image.data[at] > 127 ? 1 : 0);
    }
    return value;
  };
  const watch = () => {
    const video = document.querySelector('video');
    if (!video) {
      setTimeout(watch, 50);
      return;
    }
    video.requestVideoFrameCallback((_, frame) => {
      context.drawImage(video, 0, 0, video.videoWidth,
        video.videoHeight * share, 0, 0, canvas.width, canvas.height);
      const image = context.getImageData(0, 0, canvas.width, canvas.height);
      page.shown.push([performance.timeOrigin + frame.expectedDisplayTime,
        frame.rtpTimestamp ?? 0, video.videoWidth,
        ...[0, 1, 2].map((i) => read(image, i * row + row / 2))]);
      watch();
    });
  };
  watch();
}

/**
 * @param {any} t
 * @param {import('../../../tests/lib/mobile.mjs').MobileSite} bed
 */
export async function startScreen(t, bed) {
  const browser = await startChromium(t, { namespace: bed.net.namespace });
  const page = await openCall(browser, bed.site.relay);
  await page.waitForFunction(() => {
    const video = document.querySelector('video');
    return video && video.videoWidth > 0;
  });
  await page.evaluate(noteInPage, { bits: STAMP.bits,
    share: STAMP_HEIGHT / SHAPE.height });
  return {
    /** @returns {Promise<import('./judge.mjs').Picture[]>} */
    async pictures() {
      const shown = /** @type {number[][]} */ (
        await page.evaluate(() => /** @type {any} */ (globalThis).shown));
      return mend(shown.map(([at, timestamp, width, ...rows]) => {
        const stamp = checked(rows[0], rows[1], rows[2]);
        return { arrived_ms: at, timestamp, width, bytes: 0, key: false,
          decoded: true, readable: stamp !== null, number: stamp?.number ?? NaN,
          taken_ms: stamp ? wholeTime(stamp.taken_ms, at) : NaN };
      }));
    },
  };
}
