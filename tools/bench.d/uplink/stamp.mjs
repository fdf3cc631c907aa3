// SPDX-License-Identifier: Apache-2.0
// The clip that cameras play, and what its pictures say about themselves.

import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** As camera.py and camera.js write it. */
export const STAMP = { bits: 20, rows: 40, check: 0x5a5a5 };
const { bits: BITS, rows: ROWS } = STAMP;
const STAMP_ROWS = 3;
export const STAMP_HEIGHT = STAMP_ROWS * ROWS;
const CLIP_FRAMES = 30;
export const SHAPE = { width: 1280, height: 720, fps: 30 };
const { width: WIDTH, height: HEIGHT, fps: FPS } = SHAPE;
const FRAME_BYTES = WIDTH * HEIGHT * 3 / 2;

/**
 * A second of something with edges, surfaces and movement, fine enough that a
 * smaller picture looks worse: SSIM .944 at 320x180, .968 at 640x360.
 * @param {string} folder
 */
export async function makeClip(folder) {
  const file = join(folder, 'clip.i420');
  await run('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i',
    `mandelbrot=size=${WIDTH}x${HEIGHT}:rate=${FPS}:maxiter=150:inner=period`
    + `[a];testsrc2=size=${WIDTH}x${HEIGHT}:rate=${FPS}[b];`
    + '[a][b]blend=all_mode=average', '-frames:v', String(CLIP_FRAMES),
    '-pix_fmt', 'yuv420p', '-f', 'rawvideo', file]);
  return file;
}

/**
 * @typedef {{ taken_ms: number, number: number }} Stamp when the picture was
 *   taken, in ms modulo 2^20, and its number
 */

/** @param {Buffer} bits @param {number} from */
function value(bits, from) {
  let number = 0;
  for (let i = 0; i < BITS; i++) {
    number = 2 * number + (bits[from + i] > 125 ? 1 : 0);
  }
  return number;
}

/**
 * What three rows say; null: the picture is so poor that they don't agree.
 * @param {number} taken_ms @param {number} number @param {number} check
 * @returns {Stamp | null}
 */
export function checked(taken_ms, number, check) {
  return (taken_ms ^ number ^ STAMP.check) === check ? { taken_ms, number }
    : null;
}

/**
 * What each picture of an H.264 stream that can be decoded says.
 * @param {string} stream
 */
export async function readStamps(stream) {
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-flags', 'low_delay',
    '-f', 'h264', '-i', stream, '-vf', `scale=${WIDTH}:${HEIGHT},crop=${WIDTH}:`
    + `${STAMP_HEIGHT}:0:0,scale=${BITS}:${STAMP_ROWS}:flags=area,format=gray`,
    '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'],
  { encoding: 'buffer', maxBuffer: 64 << 20 });
  const stamps = [];
  const size = STAMP_ROWS * BITS;
  for (let at = 0; at + size <= stdout.length; at += size) {
    stamps.push(checked(value(stdout, at), value(stdout, at + BITS),
      value(stdout, at + 2 * BITS)));
  }
  return stamps;
}

/**
 * Where in the stream each picture that can be decoded begins.
 * @param {string} stream
 */
export async function readPositions(stream) {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-flags', 'low_delay',
    '-f', 'h264', '-show_entries', 'frame=pkt_pos', '-of', 'csv=p=0', stream],
  { maxBuffer: 64 << 20 });
  return stdout.trim().split('\n').map((line) => parseInt(line, 10));
}

/**
 * Unix ms from its low bits, near a time that is known.
 * @param {number} low
 * @param {number} near_ms
 */
export function wholeTime(low, near_ms) {
  const cycle = 2 ** BITS;
  const age = (((near_ms - low) % cycle) + cycle) % cycle;
  // A ms of the future may come of rounding.
  return near_ms - (age > cycle - 100 ? age - cycle : age);
}

/**
 * Likeness to what the camera saw (SSIM of luma, the rows of bits left out)
 * of each `every`th picture from `first` until before `end`, scaled up to the
 * camera's size.
 * @param {string} folder
 * @param {string} stream
 * @param {{ number: number }[]} stamps of all pictures that can be decoded
 * @param {{ first: number, end: number, every: number }} which
 */
export async function likeness(folder, stream, stamps, { first, end, every }) {
  const clip = await open(join(folder, 'clip.i420'));
  const reference = await open(join(folder, 'reference.i420'), 'w');
  for (let i = first; i < end; i += every) {
    const at = stamps[i].number % (2 * CLIP_FRAMES - 2);
    const index = Math.min(at, 2 * CLIP_FRAMES - 2 - at);
    const { buffer } = await clip.read(Buffer.alloc(FRAME_BYTES), 0,
      FRAME_BYTES, index * FRAME_BYTES);
    await reference.write(buffer);
  }
  await clip.close();
  await reference.close();
  const crop = `crop=${WIDTH}:${HEIGHT - STAMP_HEIGHT}:0:${STAMP_HEIGHT}`;
  // Without -reinit_filter 0 a change of size begins to count anew.
  const { stderr } = await run('ffmpeg', ['-hide_banner', '-flags',
    'low_delay', '-reinit_filter', '0', '-f', 'h264', '-i', stream, '-f', 'rawvideo', '-pixel_format',
    'yuv420p', '-video_size', `${WIDTH}x${HEIGHT}`, '-i',
    join(folder, 'reference.i420'), '-lavfi',
    `[0:v]select='between(n,${first},${end - 1})*`
    + `not(mod(n-${first},${every}))',scale=${WIDTH}:${HEIGHT}:flags=bicubic,`
    + `settb=1/1000,setpts=N,${crop}[a];[1:v]settb=1/1000,setpts=N,${crop}[b];`
    + '[a][b]ssim', '-fps_mode', 'passthrough', '-f', 'null', '-'],
  { maxBuffer: 64 << 20 });
  return Number(/SSIM Y:([\d.]+)/.exec(stderr)?.[1] ?? NaN);
}
