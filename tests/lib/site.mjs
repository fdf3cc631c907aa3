// SPDX-License-Identifier: Apache-2.0
// A whole site in network namespaces of its own: a relay, vehicles and a
// watcher's machine, each with its link to the relay.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keepLog } from './call.mjs';
import { Relay, Vehicle, eventually, http, makeCertificates }
  from './daemons.mjs';
import { Network } from './netns.mjs';
import { watch } from './viewers.mjs';

const run = promisify(execFile);

/** @typedef {import('node:test').TestContext} TestContext */
/**
 * @typedef {{ id: string, ed: string, unit: string, state: string,
 *   viewers: number, recording: { ok: boolean, message: string | null } }} Call
 */
/**
 * @typedef {{ id: string, call: string, unit: string, ed: string,
 *   started_us: number, duration_us: number, complete: boolean,
 *   parts: { n: number, url: string, codecs: string, bytes: number,
 *     fragments: { start_us: number, duration_us: number }[] }[],
 *   gaps: { track: string, start_us: number, duration_us: number,
 *     reason: string }[] }} Recording
 */

export class Site {
  /**
   * @param {TestContext} t
   * @param {string} folder
   */
  constructor(t, folder) {
    this.t = t;
    this.folder = folder;
    /** @type {import('./daemons.mjs').Daemon[]} */
    this.daemons = [];
    this.ca = join(folder, 'certs/ca.pem');
    this.jar = join(folder, 'cookies');
    /** @type {Relay} */
    this.relay = new Relay(t, { folder });
  }

  /** Everybody goes, the relay last; nobody may fail in doing so. */
  async close() {
    /** @type {string[]} */
    const failed = [];
    for (const daemon of this.daemons.reverse()) {
      if (!daemon.running) continue;
      const status = await daemon.stop();
      if (status !== 0) {
        failed.push(`${daemon.name} ended (${status}):\n${
          daemon.log.slice(-4000)}`);
      }
    }
    if (failed.length > 0) throw new Error(failed.join('\n'));
  }

  /** @param {import('./daemons.mjs').Daemon | null} daemon */
  keep(daemon) {
    if (!daemon) return;
    this.daemons.push(daemon);
    keepLog(this.t, daemon);
  }

  /** Starts the relay, or starts it again. */
  async startRelay() {
    await this.relay.start();
    this.keep(this.relay.daemon);
  }

  /**
   * A vehicle on a machine of its own, which calls an ED.
   * @param {string} unit
   * @param {string} ed
   * @param {{ capture?: Record<string, string | number> }} [options]
   */
  async startCall(unit, ed, options = {}) {
    const machine = this.machines[unit];
    const vehicle = new Vehicle(this.t, { folder: this.folder,
      relay: this.relay, address: machine.relay, unit,
      namespace: machine.namespace, ...options });
    await this.startVehicle(vehicle, '--call', ed);
    return { machine, vehicle, call: await this.call(ed) };
  }

  /**
   * @param {Vehicle} vehicle
   * @param {...string} args
   */
  async startVehicle(vehicle, ...args) {
    await vehicle.start(...args);
    this.keep(vehicle.daemon);
  }

  /**
   * The crew hangs up.
   * @param {Vehicle} vehicle
   */
  async hangUp(vehicle) {
    const { status, text } = await http(vehicle, `${vehicle.url}/hangup`, {
      method: 'POST', body: '{}',
      headers: { 'Content-Type': 'application/json' } });
    if (status !== 202) throw new Error(`hang-up: ${status} ${text}`);
  }

  /**
   * Asks the relay's API as an IT person, from its own machine.
   * @param {string} path
   * @returns {Promise<any>}
   */
  async api(path) {
    const { status, text } = await http(this.relay, this.relay.loopback + path,
      { jar: this.jar });
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
    return JSON.parse(text);
  }

  async signIn() {
    const code = await this.relay.person('governance', 'it');
    const { status, text } = await http(this.relay,
      `${this.relay.loopback}/api/sign-in`, { method: 'POST', jar: this.jar,
        body: JSON.stringify({ code }),
        headers: { 'Content-Type': 'application/json' } });
    if (status !== 200) throw new Error(`sign-in: ${status} ${text}`);
  }

  /** @returns {Promise<Call[]>} */
  async calls() {
    return (await this.api('/api/calls')).calls;
  }

  /**
   * The call to an ED, once it is live.
   * @param {string} ed
   */
  call(ed) {
    return eventually(`a live call to ${ed}`, async () =>
      (await this.calls()).find((c) => c.ed === ed && c.state === 'live'));
  }

  /**
   * Viewers of a call, on the watcher's machine or another.
   * @param {{ id: string }} call
   * @param {number} [count]
   * @param {{ from?: import('./netns.mjs').Machine, flood?: number }} [options]
   */
  async watch(call, count = 1, { from = this.watcher, flood } = {}) {
    const viewers = await watch(this.t, { folder: this.folder,
      namespace: from.namespace, ca: this.ca, count, flood,
      token: await this.relay.token('--view', call.id),
      url: `https://${from.relay}:${this.relay.port}/whep/${call.id}` });
    this.keep(viewers.daemon);
    return viewers;
  }

  get watcher() {
    return this.machines.watcher;
  }

  /**
   * By unit, and "watcher".
   * @type {Record<string, import('./netns.mjs').Machine>}
   */
  machines = {};

  /**
   * The recording of a call, once it is complete or as it is now.
   * @param {{ id: string }} call
   * @param {{ complete?: boolean }} [options]
   * @returns {Promise<Recording>}
   */
  async recording(call, { complete = true } = {}) {
    const row = await eventually(`the recording of ${call.id}`, async () =>
      (await this.api('/api/recordings')).recordings.find(
        (/** @type {Recording} */ r) => r.call === call.id
          && (r.complete || !complete)));
    return this.api(`/api/recordings/${row.id}`);
  }
}

/**
 * A site whose relay runs and has an IT person signed in.
 * @param {TestContext} t
 * @param {{ units?: string[], machines?: string[], folder?: string,
 *   settings?: Record<string, Record<string, string | number>> }} [options]
 *   `units`: vehicles, with certificate and machine; `machines`: others;
 *   `folder`: where all
 *   that the site writes goes
 */
export async function openSite(t, options = {}) {
  const { units = ['ambulance-1'], machines = [], settings = {} } = options;
  const folder = await mkdtemp(join(options.folder ?? tmpdir(),
    'bluelight-test-'));
  const site = new Site(t, folder);
  const net = new Network();
  // In this order, and all of it: a hook that fails keeps others from running.
  t.after(async () => {
    try {
      await site.close();
    } finally {
      await net.remove();
      await rm(folder, { recursive: true });
    }
  });
  await net.open();
  for (const name of ['watcher', ...units, ...machines]) {
    site.machines[name] = await net.machine(name);
  }
  await makeCertificates(folder,
    Object.values(site.machines).map((machine) => machine.relay), units);
  site.relay = new Relay(t, { folder, namespace: net.namespace,
    settings: { ...settings, http: { listen: '', ...settings.http } } });
  await site.startRelay();
  await site.signIn();
  return site;
}

/** Seconds from the timeline's start to the end of a part.
 * @param {Recording['parts'][0]} part
 */
export function endOf(part) {
  const last = part.fragments[part.fragments.length - 1];
  return (last.start_us + last.duration_us) / 1e6;
}

/**
 * What ffprobe and ffmpeg, which decodes all of it, find in a part.
 * @param {Relay} relay
 * @param {Recording} recording
 * @param {Recording['parts'][0]} part
 */
export async function inspect(relay, recording, part) {
  const file = join(relay.store, 'recordings', String(recording.id),
    `part-${String(part.n).padStart(4, '0')}.mp4`);
  const decoded = await run('ffmpeg',
    ['-v', 'error', '-xerror', '-i', file,
    '-fps_mode', 'passthrough', '-enc_time_base', '-1', '-f', 'null', '-']);
  const probed = await run('ffprobe', ['-v', 'error', '-count_packets',
    '-show_entries', 'stream=codec_type,codec_name,nb_read_packets,width,height'
    + ':format=duration', '-of', 'json', file]);
  /** @type {{ streams: { codec_type: string, codec_name: string,
   *   nb_read_packets: string, width?: number, height?: number }[],
   *   format: { duration: string } }} */
  const { streams, format } = JSON.parse(probed.stdout);
  return { file, complaints: decoded.stderr,
    duration_s: Number(format.duration),
    video: streams.find((s) => s.codec_type === 'video'),
    audio: streams.find((s) => s.codec_type === 'audio') };
}
