// SPDX-License-Identifier: Apache-2.0
// Plays a recording from its manifest: parts of fragmented MP4, fetched
// fragment by fragment into a SourceBuffer. The fragments carry the recording's
// own timeline, so a gap stays a gap and the duration is right.

import { request } from './api.js';

const AHEAD_S = 20;
const BEHIND_S = 30;
/* Fragments fetched with one request. */
const RUN_BYTES = 2 * 1024 * 1024;

/**
 * @typedef {{ part: number, offset: number, length: number, start_us: number,
 *   duration_us: number, keyframe: boolean }} Fragment
 * @typedef {{ n: number, codecs: string, init_bytes: number,
 *   fragments: Omit<Fragment, 'part'>[] }} Part
 */

export class Player {
  /**
   * @param {HTMLVideoElement} video
   * @param {string} id of the recording
   * @param {{ duration_us: number, parts: Part[] }} manifest
   * @param {(message: string) => void} onProblem
   */
  constructor(video, id, manifest, onProblem) {
    this.video = video;
    this.id = id;
    this.manifest = manifest;
    this.onProblem = onProblem;
    /** @type {Fragment[]} */
    this.fragments = manifest.parts.flatMap((part) =>
      part.fragments.map((fragment) => ({ ...fragment, part: part.n })));
    this.next = 0;
    this.part = 0; // whose init segment the buffer has
    this.busy = false;
    this.again = false;
    /** @type {SourceBuffer | null} */
    this.buffer = null;
    this.source = new MediaSource();
    this.source.addEventListener('sourceopen', () => this.open(),
      { once: true });
    video.src = URL.createObjectURL(this.source);
    video.addEventListener('timeupdate', () => this.fill());
    video.addEventListener('seeking', () => this.seek());
    video.addEventListener('waiting', () => this.jumpGap());
  }

  open() {
    URL.revokeObjectURL(this.video.src);
    const [first] = this.manifest.parts;
    const type = mimeType(first);
    if (!MediaSource.isTypeSupported(type)) {
      this.onProblem(`This browser cannot play ${type}. Download the file, or `
        + 'open this page in Chromium, Chrome or Edge.');
      return;
    }
    this.buffer = this.source.addSourceBuffer(type);
    this.source.duration = this.manifest.duration_us / 1e6;
    this.fill();
  }

  close() {
    this.buffer = null;
    this.video.removeAttribute('src');
    this.video.load();
  }

  /** Goes on from the last keyframe at or before the wanted time. */
  seek() {
    if (this.isBuffered(this.video.currentTime)) return;
    const wanted = this.video.currentTime * 1e6;
    let at = 0;
    this.fragments.forEach((fragment, i) => {
      if (fragment.keyframe && fragment.start_us <= wanted) at = i;
    });
    this.next = at;
    this.fill();
  }

  /** At the edge of a gap in the recording: goes on behind it. */
  jumpGap() {
    const now = this.video.currentTime;
    const { buffered } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) > now) {
        this.video.currentTime = buffered.start(i) + 0.01;
        return;
      }
    }
  }

  /** @param {number} time */
  isBuffered(time) {
    const { buffered } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= time && time < buffered.end(i)) return true;
    }
    return false;
  }

  /** Fetches until AHEAD_S are there; one fetch at a time. */
  async fill() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      do {
        this.again = false;
        while (this.buffer && this.wantsMore()) await this.append();
      } while (this.again);
      this.finish();
    } catch (error) {
      this.onProblem(/** @type {Error} */ (error).message);
    } finally {
      this.busy = false;
    }
  }

  wantsMore() {
    const fragment = this.fragments[this.next];
    return fragment !== undefined
      && fragment.start_us / 1e6 < this.video.currentTime + AHEAD_S;
  }

  finish() {
    if (this.buffer && this.next >= this.fragments.length
        && this.source.readyState === 'open') {
      this.source.endOfStream();
    }
  }

  async append() {
    const first = this.fragments[this.next];
    let end = this.next + 1;
    let bytes = first.length;
    while (end < this.fragments.length
        && this.fragments[end].part === first.part
        && bytes + this.fragments[end].length <= RUN_BYTES) {
      bytes += this.fragments[end].length;
      end++;
    }
    const data = [];
    if (this.part !== first.part) {
      data.push(await this.init(first.part));
      this.part = first.part;
    }
    data.push(await this.bytes(first.part, first.offset, bytes));
    for (const chunk of data) await this.feed(chunk);
    this.next = end;
    await this.forget();
  }

  /** @param {number} n */
  async init(n) {
    const part = this.manifest.parts.find((p) => p.n === n);
    if (!part) throw new Error(`The recording has no part ${n}.`);
    this.buffer?.changeType(mimeType(part));
    return this.bytes(n, 0, part.init_bytes);
  }

  /**
   * @param {number} part
   * @param {number} offset
   * @param {number} length
   */
  async bytes(part, offset, length) {
    const response = await request(
      `/api/recordings/${encodeURIComponent(this.id)}/parts/${part}`,
      { headers: { Range: `bytes=${offset}-${offset + length - 1}` } });
    return response.arrayBuffer();
  }

  /** @param {ArrayBuffer} data */
  async feed(data) {
    if (!this.buffer) return;
    this.buffer.appendBuffer(data);
    await updated(this.buffer);
  }

  /** Long recordings must not fill the browser's memory. */
  async forget() {
    const until = this.video.currentTime - BEHIND_S;
    if (!this.buffer || until <= 0) return;
    this.buffer.remove(0, until);
    await updated(this.buffer);
  }
}

/** @param {Part} part */
function mimeType(part) {
  return `video/mp4; codecs="${part.codecs}"`;
}

/** @param {SourceBuffer} buffer */
function updated(buffer) {
  return new Promise((resolve, reject) => {
    buffer.addEventListener('updateend', () => resolve(undefined),
      { once: true });
    buffer.addEventListener('error', () => reject(new Error(
      'The browser could not read this part of the recording.')),
    { once: true });
  });
}
