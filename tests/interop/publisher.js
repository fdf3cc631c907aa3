// SPDX-License-Identifier: Apache-2.0
// A WHIP client (RFC 9725) of a third party's: camera and microphone, Bearer
// token, trickled candidates, ICE restart, DELETE.

class WhipPublisher {
  /**
   * @param {string} url
   * @param {string} token
   */
  constructor(url, token) {
    this.url = url;
    this.headers = { Authorization: `Bearer ${token}` };
    this.pc = new RTCPeerConnection();
    this.location = '';
    this.etag = '';
  }

  /** @param {MediaStream} stream */
  async publish(stream) {
    for (const track of stream.getTracks()) {
      this.pc.addTransceiver(track,
        { direction: 'sendonly', streams: [stream] });
    }
    await this.pc.setLocalDescription();
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { ...this.headers, 'Content-Type': 'application/sdp' },
      body: this.pc.localDescription?.sdp,
    });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${text}`);
    this.location = new URL(response.headers.get('Location') ?? '',
      this.url).href;
    this.etag = response.headers.get('ETag') ?? '';
    await this.pc.setRemoteDescription({ type: 'answer', sdp: text });
    return response.headers.get('Bluelight-Call');
  }

  /**
   * @param {string} body
   * @param {string} match
   */
  patch(body, match) {
    return fetch(this.location, {
      method: 'PATCH',
      headers: { ...this.headers, 'If-Match': match,
        'Content-Type': 'application/trickle-ice-sdpfrag' },
      body,
    });
  }

  /** The local candidates, as RFC 9725 section 4.3 sends them. */
  fragment() {
    const sdp = this.pc.localDescription?.sdp ?? '';
    const first = sdp.slice(sdp.indexOf('m='),
      sdp.indexOf('m=', sdp.indexOf('m=') + 2)).split('\r\n');
    return [...sdp.split('\r\n').filter((line) => /^a=group:/.test(line)),
      ...first.filter((line) =>
        /^(m=|a=(mid|ice-ufrag|ice-pwd|candidate))/.test(line)),
      'a=end-of-candidates', ''].join('\r\n');
  }

  async trickle() {
    const response = await this.patch(this.fragment(), this.etag);
    return response.status;
  }

  /** New credentials for both ends; the media goes on meanwhile. */
  async restart() {
    const answer = this.pc.remoteDescription?.sdp ?? '';
    await this.pc.setLocalDescription(
      await this.pc.createOffer({ iceRestart: true }));
    const response = await this.patch(this.fragment(), '*');
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${response.status} ${text}`);
    this.etag = response.headers.get('ETag') ?? '';
    /** @param {string} name */
    const value = (name) =>
      new RegExp(`a=${name}:(\\S+)`).exec(text)?.[1] ?? '';
    const sdp = answer
      .replace(/a=ice-ufrag:\S+/g, `a=ice-ufrag:${value('ice-ufrag')}`)
      .replace(/a=ice-pwd:\S+/g, `a=ice-pwd:${value('ice-pwd')}`);
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
    return sdp !== answer;
  }

  async stop() {
    const response = await fetch(this.location,
      { method: 'DELETE', headers: this.headers });
    this.pc.close();
    return response.status;
  }
}

Object.assign(globalThis, { WhipPublisher });
