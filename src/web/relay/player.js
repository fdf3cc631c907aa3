// SPDX-License-Identifier: Apache-2.0
// Plays a recording from its manifest: parts of fragmented MP4, fetched
// fragment by fragment into a SourceBuffer, each part at its place on the
// recording's timeline: a gap stays a gap and the duration is right.

import { request } from './api.js';

const AHEAD_S = 20;
const BEHIND_S = 30;
/* Fragments fetched with one request. */
const RUN_BYTES = 2 * 1024 * 1024;
/* A decoder keeps its last pictures back until more comes: before a gap,
 * playing stops with up to this ahead. */
const DECODER_S = 1;
/* As long as seeking takes to find its picture. */
const STALL_MS = 400;

/**
 * @typedef {{ part: number, offset: number, length: number, start_us: number,
 *   duration_us: number, keyframe: boolean }} Fragment
 * @typedef {{ n: number, codecs: string, init_bytes: number,
 *   fragments: Omit<Fragment, 'part'>[] }} Part
 * @typedef {{ duration_us: number, complete: boolean, parts: Part[] }} Manifest
 */

export class Player {
  /**
   * @param {HTMLVideoElement} video
   * @param {string} id of the recording
   * @param {Manifest} manifest
   * @param {(message: string) => void} onProblem
   */
  constructor(video, id, manifest, onProblem) {
    this.video = video;
    this.id = id;
    this.manifest = manifest;
    this.onProblem = onProblem;
    /** @type {Fragment[]} */
    this.fragments = [];
    this.next = 0; // index of the fragment to fetch
    this.part = 0; // whose init segment the buffer has
    this.busy = false;
    this.again = false;
    /** @type {SourceBuffer | null} */
    this.buffer = null;
    this.source = new MediaSource();
    this.update(manifest);
    this.source.addEventListener('sourceopen', () => this.open(),
      { once: true });
    video.src = URL.createObjectURL(this.source);
    video.addEventListener('timeupdate', () => this.fill());
    video.addEventListener('seeking', () => this.seek());
    video.addEventListener('waiting', () => this.fill());
    video.addEventListener('play', () => this.fill());
  }

  /**
   * A recording that is being made has grown.
   * @param {Manifest} manifest
   */
  update(manifest) {
    this.manifest = manifest;
    this.fragments = manifest.parts.flatMap((part) =>
      part.fragments.map((fragment) => ({ ...fragment, part: part.n })));
    if (this.buffer) this.fill();
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

  seek() {
    this.resync();
    this.fill();
  }

  /** Goes on from the last keyframe at or before where the buffer ends. */
  resync() {
    const wanted = this.bufferedUntil() * 1e6;
    let at = 0;
    this.fragments.forEach((fragment, i) => {
      if (fragment.keyframe && fragment.start_us <= wanted) at = i;
    });
    this.next = at;
  }

  /** Until when there is no hole from now on, in seconds. */
  bufferedUntil() {
    const now = this.video.currentTime;
    const { buffered } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= now && now <= buffered.end(i)) {
        return buffered.end(i);
      }
    }
    return now;
  }

  /** Whether nothing goes on: while paused, one picture is enough. */
  stalled() {
    const { paused, readyState } = this.video;
    const enough = paused ? HTMLMediaElement.HAVE_CURRENT_DATA
      : HTMLMediaElement.HAVE_FUTURE_DATA;
    return readyState < enough
      && this.bufferedUntil() < this.video.currentTime + DECODER_S;
  }

  /** At a gap in the recording, when all before it was played: on behind it. */
  jumpGap() {
    const { currentTime } = this.video;
    if (!this.stalled()) return;
    setTimeout(() => {
      if (this.video.currentTime === currentTime && this.stalled()) {
        this.jump();
      }
    }, STALL_MS);
  }

  jump() {
    const { buffered, currentTime: now } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      const start = buffered.start(i);
      if (start > now) {
        if (start <= this.fetchedUntil()) this.video.currentTime = start + 0.01;
        return;
      }
    }
  }

  /** The end of the last fragment that was fetched, in seconds. */
  fetchedUntil() {
    const last = this.fragments[this.next - 1];
    return last ? (last.start_us + last.duration_us) / 1e6 : 0;
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
      this.jumpGap();
    } catch (error) {
      this.resync();
      this.onProblem(/** @type {Error} */ (error).message);
    } finally {
      this.busy = false;
    }
  }

  /** Enough ahead; and over a gap, however long, what comes behind it. */
  wantsMore() {
    const fragment = this.fragments[this.next];
    if (!fragment) return false;
    const now = this.video.currentTime;
    return fragment.start_us / 1e6 < now + AHEAD_S
      || !this.hasLater(now + DECODER_S);
  }

  /** @param {number} time whether anything is there behind it */
  hasLater(time) {
    const { buffered } = this.video;
    return buffered.length > 0 && buffered.end(buffered.length - 1) > time;
  }

  finish() {
    const { buffer, source, manifest } = this;
    if (!buffer || source.readyState !== 'open') return;
    const seconds = manifest.duration_us / 1e6;
    // Never shorter: what is there may not be cut off.
    if (source.duration < seconds) source.duration = seconds;
    if (manifest.complete && this.next >= this.fragments.length) {
      source.endOfStream();
    }
  }

  async append() {
    const from = this.next;
    const first = this.fragments[from];
    let bytes = 0;
    // At once, and not when the bytes are here: a seek may come meanwhile.
    while (this.next < this.fragments.length
        && this.fragments[this.next].part === first.part
        && (this.next === from
          || bytes + this.fragments[this.next].length <= RUN_BYTES)) {
      bytes += this.fragments[this.next].length;
      this.next++;
    }
    if (this.part !== first.part) {
      await this.feed(await this.init(first.part));
      this.part = first.part;
    }
    await this.feed(await this.bytes(first.part, first.offset, bytes));
    await this.forget();
  }

  /** @param {number} n */
  async init(n) {
    const part = this.manifest.parts.find((p) => p.n === n);
    if (!part) throw new Error(`The recording has no part ${n}.`);
    const data = await this.bytes(n, 0, part.init_bytes);
    if (this.buffer) {
      this.buffer.changeType(mimeType(part));
      // Each part is a file of its own, whose time begins at zero.
      this.buffer.timestampOffset = part.fragments[0].start_us / 1e6;
    }
    return data;
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
