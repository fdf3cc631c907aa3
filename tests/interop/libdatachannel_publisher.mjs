// SPDX-License-Identifier: Apache-2.0
// Publishes by WHIP with libdatachannel, the stack of OBS, until SIGTERM.
// usage: libdatachannel_publisher.mjs URL TOKEN CA

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';

import datachannel from 'node-datachannel';

const [url, token, caFile] = process.argv.slice(2);
const ca = readFileSync(caFile);
const VIDEO_SSRC = 1111;
const AUDIO_SSRC = 2222;

/**
 * @param {string} method
 * @param {string} where
 * @param {string} [body]
 * @returns {Promise<{ status: number, location: string, text: string }>}
 */
async function ask(method, where, body) {
  const sent = request(where, { method, ca, headers: {
    Authorization: `Bearer ${token}`,
    ...body && { 'Content-Type': 'application/sdp' } } });
  sent.end(body);
  const [reply] = await once(sent, 'response');
  let text = '';
  for await (const chunk of reply.setEncoding('utf8')) text += chunk;
  return { status: reply.statusCode, text,
    location: reply.headers.location ?? '' };
}

/**
 * A UDP port whose packets go into the track.
 * @param {import('node-datachannel').Track} track
 */
async function feed(track) {
  const socket = createSocket('udp4');
  socket.on('message', (packet) => {
    if (track.isOpen()) track.sendMessageBinary(packet);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket.address().port;
}

const peer = new datachannel.PeerConnection('publisher',
  { iceServers: [], disableAutoNegotiation: true });
const audio = new datachannel.Audio('0', 'SendOnly');
audio.addOpusCodec(111);
audio.addSSRC(AUDIO_SSRC, 'obs', 'obs', 'sound');
const video = new datachannel.Video('1', 'SendOnly');
video.addH264Codec(96);
video.addSSRC(VIDEO_SSRC, 'obs', 'obs', 'picture');
const audioPort = await feed(peer.addTrack(audio));
const videoPort = await feed(peer.addTrack(video));

await new Promise((done) => {
  peer.onGatheringStateChange((state) => {
    if (state === 'complete') done(null);
  });
  peer.setLocalDescription('offer');
});
const { status, location, text } = await ask('POST', url,
  peer.localDescription()?.sdp);
if (status !== 201) throw new Error(`${status} ${text}`);
const session = new URL(location, url).href;
peer.setRemoteDescription(text, 'answer');

const source = spawn('gst-launch-1.0', ['-q', ...`
  videotestsrc is-live=true
  ! video/x-raw,width=640,height=360,framerate=30/1
  ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30
  ! video/x-h264,profile=constrained-baseline
  ! rtph264pay pt=96 ssrc=${VIDEO_SSRC} mtu=1200 config-interval=1
  ! udpsink host=127.0.0.1 port=${videoPort} sync=false
  audiotestsrc is-live=true ! opusenc ! rtpopuspay pt=111 ssrc=${AUDIO_SSRC}
  ! udpsink host=127.0.0.1 port=${audioPort} sync=false`
  .trim().split(/\s+/)], { stdio: 'inherit' });

console.log(`published ${session.split('/').pop()}`);
await once(process, 'SIGTERM');
source.kill();
// As OBS does: the goodbye overtakes the DELETE.
peer.close();
console.log(`deleted ${(await ask('DELETE', session)).status}`);
datachannel.cleanup();
process.exit(0);
