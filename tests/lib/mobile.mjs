// SPDX-License-Identifier: Apache-2.0
// A relay in a network namespace, a publisher's machine in another, its modems
// between them (tools/impair), and viewers beside the relay. The relay has one
// address, which each modem reaches. Needs root.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Relay, Vehicle, makeCertificates } from './daemons.mjs';
import { startLink } from './impair.mjs';
import { Network } from './netns.mjs';
import { Site } from './site.mjs';
import { watch } from './viewers.mjs';

const run = promisify(execFile);
/** @param {...string} argv */
const ip = async (...argv) => (await run('ip', argv)).stdout;

const RELAY = '10.77.0.1';
/** For media alone, so that it can be forbidden alone. */
const MEDIA = '10.78.0.1';
const CLEAN = 'rate=20M delay=25 queue=300ms';

export class MobileSite {
  /** @param {any} t @param {string} folder */
  constructor(t, folder) {
    this.t = t;
    this.folder = folder;
    this.net = new Network();
    this.site = new Site(t, folder);
    this.publisher = `bl-${process.pid}-publisher`;
    /** @type {import('./impair.mjs').Link[]} */
    this.links = [];
    this.address = RELAY;
  }

  /**
   * @param {number} modems
   * @param {number} seed
   */
  async open(modems, seed) {
    // In this order: a hook that fails keeps others from running.
    this.t.after(async () => {
      try {
        await this.site.close();
      } finally {
        for (const link of this.links) await link.daemon.stop();
        await this.net.remove();
      }
    });
    await this.net.open();
    await this.net.add(this.publisher);
    for (const address of [RELAY, MEDIA]) {
      await ip('-n', this.net.namespace, 'address', 'add', `${address}/32`,
        'dev', 'lo');
    }
    for (let i = 0; i < modems; i++) await this.addModem(i, seed);
    await makeCertificates(this.folder, [RELAY], ['ambulance-1']);
    this.site.relay = new Relay(this.t, { folder: this.folder, address: RELAY,
      namespace: this.net.namespace,
      settings: { http: { listen: '' }, media: { advertise: MEDIA } } });
    await this.site.startRelay();
    await this.site.signIn();
  }

  /** @param {number} index @param {number} seed */
  async addModem(index, seed) {
    const n = index + 1;
    const here = this.publisher;
    this.links.push(await startLink(this.t, { folder: this.folder, both: CLEAN,
      seed: seed + index,
      near: { namespace: here, device: `up${index}`,
        address: `10.77.${n}.2/24` },
      far: { namespace: this.net.namespace, device: `down${index}`,
        address: `10.77.${n}.1/24` } }));
    await ip('-n', here, 'route', 'add', 'default', 'via', `10.77.${n}.1`,
      'dev', `up${index}`, 'metric', String(100 * n));
    // What is sent from a modem's address leaves by that modem.
    await ip('-n', here, 'route', 'add', 'default', 'via', `10.77.${n}.1`,
      'dev', `up${index}`, 'table', String(100 + n));
    await ip('-n', here, 'rule', 'add', 'from', `10.77.${n}.0/24`, 'table',
      String(100 + n));
  }

  /**
   * Nothing of the publisher's gets through to the relay's media. At the
   * relay's end: a socket that is bound to its interface asks no route.
   */
  async forbidMedia() {
    const rule = ['-n', this.net.namespace, 'rule'];
    await ip(...rule, 'add', 'pref', '100', 'lookup', 'local');
    await ip(...rule, 'delete', 'pref', '0');
    for (const index of this.links.keys()) {
      await ip(...rule, 'add', 'pref', '10', 'iif', `down${index}`, 'to', MEDIA,
        'blackhole');
    }
  }

  /** The modem is given another address. @param {number} index */
  async renumber(index) {
    const n = index + 1;
    const device = ['dev', `up${index}`];
    await ip('-n', this.publisher, 'address', 'add', `10.77.${n}.3/24`,
      ...device);
    await ip('-n', this.publisher, 'address', 'delete', `10.77.${n}.2/24`,
      ...device);
    // The kernel takes the first address's routes and the second one with it.
    await ip('-n', this.publisher, 'address', 'replace', `10.77.${n}.3/24`,
      ...device);
    for (const table of ['main', String(100 + n)]) {
      await ip('-n', this.publisher, 'route', 'replace', 'default', 'via',
        `10.77.${n}.1`, ...device, 'table', table,
        ...(table === 'main' ? ['metric', String(100 * n)] : []));
    }
  }

  /**
   * The vehicle, live to "north".
   * @param {{ capture?: Record<string, string | number>,
   *   settings?: Record<string, Record<string, string | number>> }} [options]
   */
  async startVehicle(options = {}) {
    const vehicle = new Vehicle(this.t, { folder: this.folder,
      relay: this.site.relay, unit: 'ambulance-1', address: RELAY,
      namespace: this.publisher, ...options });
    await this.site.startVehicle(vehicle, '--call', 'north');
    await vehicle.daemon?.says(/state live/);
    return vehicle;
  }

  /**
   * Viewers beside the relay.
   * @param {{ count?: number, frames?: string }} [options] as of watch()
   */
  async watch(options = {}) {
    const call = await this.site.call('north');
    const viewers = await watch(this.t, { folder: this.folder,
      namespace: this.net.namespace, ca: this.site.ca, ...options,
      token: await this.site.relay.token('--view', call.id),
      url: `https://${RELAY}:${this.site.relay.port}/whep/${call.id}` });
    this.site.keep(viewers.daemon);
    return { viewers, call };
  }
}

/**
 * A relay and so many modems, for the length of a test.
 * @param {import('node:test').TestContext} t
 * @param {number} modems
 */
export async function openMobile(t, modems) {
  const folder = await mkdtemp(join(tmpdir(), 'bluelight-test-'));
  const mobile = new MobileSite(t, folder);
  const opened = mobile.open(modems, 1);
  t.after(() => rm(folder, { recursive: true }));
  await opened;
  return mobile;
}

/**
 * A call with two viewers who see it.
 * @param {import('node:test').TestContext} t
 * @param {number} modems
 * @param {Parameters<MobileSite['startVehicle']>[0]} [options]
 */
export async function openCall(t, modems, options) {
  const mobile = await openMobile(t, modems);
  const vehicle = await mobile.startVehicle(options);
  const { viewers, call } = await mobile.watch({ count: 2 });
  await viewers.live();
  return { mobile, vehicle, viewers, call };
}
