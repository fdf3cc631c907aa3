// SPDX-License-Identifier: Apache-2.0
// How old the picture on the screen is, from capture and not from arrival.
// The relay stamps each frame with its capture time in the relay's own clock
// (abs-capture-time); the page knows that clock's offset to its own.

const NTP_UNIX_MS = 2208988800000;
const VIDEO_CLOCK_KHZ = 90;

export const NOT_LIVE_MS = 1000;

/** What is known of the picture's age. */
export class PictureAge {
  /**
   * @param {HTMLVideoElement} video
   * @param {import('./clock.js').RelayClock} clock
   */
  constructor(video, clock) {
    this.video = video;
    this.clock = clock;
    /** @type {RTCRtpReceiver | null} */
    this.receiver = null;
    /** Capture time of the frame on the screen, relay's Unix ms. */
    this.capturedMs = NaN;
    this.watch();
  }

  watch() {
    this.video.requestVideoFrameCallback((_, metadata) => {
      const captured = this.captureTime(metadata.rtpTimestamp);
      // Without a capture time the age is unknown: it must not look young.
      if (!Number.isNaN(captured)) this.capturedMs = captured;
      this.watch();
    });
  }

  /**
   * The receiver reports the capture time of its newest frame; the one shown
   * may be a frame or two behind it.
   * @param {number | undefined} rtpTimestamp of the frame on the screen
   */
  captureTime(rtpTimestamp) {
    const [newest] = this.receiver?.getSynchronizationSources() ?? [];
    const stamp = /** @type {any} */ (newest)?.captureTimestamp;
    if (stamp === undefined || rtpTimestamp === undefined) return NaN;
    const behind = (newest.rtpTimestamp - rtpTimestamp) | 0;
    return stamp - NTP_UNIX_MS - behind / VIDEO_CLOCK_KHZ;
  }

  /** Age in ms of what is on the screen now; NaN while nothing is known. */
  get ms() {
    return this.clock.nowMs() - this.capturedMs;
  }

  /**
   * Whether the picture may be taken for what happens now. One from the future
   * may not: a clock is wrong, and a frozen picture would look young for long.
   * In doubt it is not: how far our clock may be off is no excuse.
   */
  get live() {
    return Math.abs(this.ms) <= NOT_LIVE_MS;
  }

  /** Forgets the last frame: the connection was made anew. */
  reset() {
    this.capturedMs = NaN;
  }
}
