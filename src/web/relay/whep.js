// SPDX-License-Identifier: Apache-2.0
// A WHEP viewer (draft-ietf-wish-whep): offer, answer, DELETE. The relay lists
// its candidates in the answer and learns ours from our checks, so nothing is
// gathered before the offer, which took longer than all the rest, nor trickled.

import { request } from './api.js';

/* A relay that is silent for so long does not answer. */
const PATIENCE_MS = 8000;

const ABS_CAPTURE_TIME =
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';

/** Whether this browser can decode H.264 in WebRTC at all. */
export function canShowPictures() {
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  return codecs.some((codec) => codec.mimeType.toLowerCase() === 'video/h264');
}

/**
 * Chromium sends and reports capture times only if they are asked for.
 * @param {RTCRtpTransceiver} transceiver
 */
function askForCaptureTime(transceiver) {
  const t = /** @type {any} */ (transceiver);
  if (!t.getHeaderExtensionsToNegotiate) return;
  const extensions = t.getHeaderExtensionsToNegotiate();
  for (const extension of extensions) {
    if (extension.uri === ABS_CAPTURE_TIME) extension.direction = 'sendrecv';
  }
  t.setHeaderExtensionsToNegotiate(extensions);
}

export class WhepViewer {
  /**
   * @param {string} url the WHEP endpoint
   * @param {(state: RTCPeerConnectionState) => void} onState
   */
  constructor(url, onState) {
    this.url = url;
    this.stream = new MediaStream();
    /** @type {string | null} the session to delete */
    this.location = null;
    this.pc = new RTCPeerConnection();
    this.pc.addEventListener('connectionstatechange', () => {
      onState(this.pc.connectionState);
    });
    this.audio = this.pc.addTransceiver('audio', { direction: 'recvonly' });
    /** @type {RTCRtpTransceiver | null} */
    this.video = null;
    if (canShowPictures()) {
      this.video = this.pc.addTransceiver('video', { direction: 'recvonly' });
      askForCaptureTime(this.video);
      // Fresh pictures first: no buffer beyond what repair needs. Not for
      // sound, which would crackle.
      this.video.receiver.jitterBufferTarget = 0;
    }
    for (const transceiver of this.pc.getTransceivers()) {
      this.stream.addTrack(transceiver.receiver.track);
    }
  }

  /** Connects; throws ApiError with the relay's reason. */
  async start() {
    await this.pc.setLocalDescription();
    const response = await request(this.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: this.pc.localDescription?.sdp,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    this.location = response.headers.get('Location');
    const sdp = await response.text();
    if (this.pc.signalingState === 'closed') {
      this.stop();
      return;
    }
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
  }

  /** @returns {string | null} the session's id, as the API names it */
  get id() {
    return this.location?.split('/').pop() ?? null;
  }

  stop() {
    this.pc.close();
    if (!this.location) return;
    // keepalive: the request outlives a page that is being left.
    fetch(this.location, { method: 'DELETE', keepalive: true }).catch(() => {});
    this.location = null;
  }
}
