// SPDX-License-Identifier: Apache-2.0
// What a case runs in: a relay in a network namespace, a publisher's machine in
// another, a link or several between them, and a viewer beside the relay.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Relay, makeCertificates } from '../../../tests/lib/daemons.mjs';
import { startLink } from '../../../tests/lib/impair.mjs';
import { Network } from '../../../tests/lib/netns.mjs';
import { Site } from '../../../tests/lib/site.mjs';
import { watch } from '../../../tests/lib/viewers.mjs';

const run = promisify(execFile);
/** @param {...string} argv */
const ip = async (...argv) => (await run('ip', argv)).stdout;

/** Reached by every modem, as a relay's one public address is. */
const RELAY = '10.77.0.1';
const CLEAN = 'rate=20M delay=25 queue=300ms';

export class Bed {
  /** @param {any} t @param {string} folder */
  constructor(t, folder) {
    this.t = t;
    this.folder = folder;
    this.net = new Network();
    this.site = new Site(t, folder);
    this.publisher = `bl-${process.pid}-publisher`;
    /** @type {import('../../../tests/lib/impair.mjs').Link[]} */
    this.links = [];
    this.address = RELAY;
  }

  /**
   * @param {number} modems
   * @param {number} seed
   */
  async open(modems, seed) {
    this.t.after(() => this.net.remove());
    await this.net.open();
    await this.net.add(this.publisher);
    await ip('-n', this.net.namespace, 'address', 'add', `${RELAY}/32`,
      'dev', 'lo');
    for (let i = 0; i < modems; i++) await this.addModem(i, seed);
    await makeCertificates(this.folder, [RELAY], ['ambulance-1']);
    this.site.relay = new Relay(this.t, { folder: this.folder, address: RELAY,
      namespace: this.net.namespace,
      settings: { http: { listen: '' }, media: { advertise: RELAY } } });
    this.t.after(() => this.site.close());
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

  /** A viewer beside the relay, whose pictures are written down. */
  async watch() {
    const call = await this.site.call('north');
    const frames = join(this.folder, 'viewer');
    const viewers = await watch(this.t, { folder: this.folder,
      namespace: this.net.namespace, ca: this.site.ca, frames,
      token: await this.site.relay.token('--view', call.id),
      url: `https://${RELAY}:${this.site.relay.port}/whep/${call.id}` });
    return { viewers, frames, call };
  }
}
