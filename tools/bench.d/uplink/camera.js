// SPDX-License-Identifier: Apache-2.0
// camera.py in a browser: the same clip, the same rows of bits, the same bytes
// for the encoder.

const BITS = 20;
const ROWS = 40;
const CHECK = 0x5a5a5;

/**
 * @param {Uint8Array} picture
 * @param {number} width
 * @param {number} from row
 * @param {number} value
 */
function stamp(picture, width, from, value) {
  const column = width / BITS;
  for (let bit = 0; bit < BITS; bit++) {
    const level = Math.floor(value / 2 ** (BITS - 1 - bit)) % 2 ? 0xeb : 0x10;
    for (let y = from; y < from + ROWS; y++) {
      const at = y * width + bit * column;
      picture.fill(level, at, at + column);
    }
  }
}

/**
 * @param {string} url of the clip
 * @param {{ width: number, height: number, fps: number }} shape
 * @returns {Promise<MediaStreamTrack>}
 */
async function startCamera(url, { width, height, fps }) {
  const clip = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const size = width * height * 3 / 2;
  const count = clip.length / size;
  const track = new /** @type {any} */ (globalThis)
    .MediaStreamTrackGenerator({ kind: 'video' });
  const writer = track.writable.getWriter();
  const begun = performance.now();
  let number = 0;
  const push = () => {
    let at = number % (2 * count - 2);
    at = Math.min(at, 2 * count - 2 - at);
    const picture = clip.subarray(at * size, (at + 1) * size);
    const taken = Date.now() % 2 ** BITS;
    [taken, number, taken ^ number ^ CHECK].forEach((value, row) =>
      stamp(picture, width, row * ROWS, value));
    writer.write(new VideoFrame(picture, { format: 'I420', codedWidth: width,
      codedHeight: height, timestamp: Math.round(performance.now() * 1000) }));
    number++;
    setTimeout(push, Math.max(0, begun + number * 1000 / fps
      - performance.now()));
  };
  push();
  return track;
}

Object.assign(globalThis, { startCamera });
