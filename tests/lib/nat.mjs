// SPDX-License-Identifier: Apache-2.0
// Networks that only let out: a vehicle behind its carrier's NAT, a relay
// behind a hospital's firewall, a viewer behind a home's router, and a TURN
// server on the internet between them. Each is a network namespace; NAT and
// firewall are nftables'. Needs root.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keepLog } from './call.mjs';
import { Daemon, Relay, Vehicle, makeCertificates } from './daemons.mjs';
import { Network } from './netns.mjs';
import { Site } from './site.mjs';
import { watch } from './viewers.mjs';

const run = promisify(execFile);
/** @param {...string} argv */
const ip = async (...argv) => (await run('ip', argv)).stdout;

/** @typedef {import('./daemons.mjs').TestContext} TestContext */
/** @typedef {'carrier' | 'hospital' | 'home'} Edge */

/** What each network's router is to the internet, and who is behind it. */
const EDGES = /** @type {const} */ ({
  carrier: { outside: '198.51.100.2', internet: '198.51.100.1',
    router: '10.64.0.1', inside: '10.64.0.2' },
  hospital: { outside: '203.0.113.2', internet: '203.0.113.1',
    router: '192.168.7.1', inside: '192.168.7.2' },
  home: { outside: '192.0.2.2', internet: '192.0.2.1',
    router: '192.168.1.1', inside: '192.168.1.2' },
});

const TURN = '203.0.113.129';
const TURN_PORT = 3478;
const [USER, PASSWORD] = ['hospital', 'of-the-test'];

export class NatSite {
  /** @param {TestContext} t @param {string} folder */
  constructor(t, folder) {
    this.t = t;
    this.folder = folder;
    this.net = new Network();
    this.site = new Site(t, folder);
    this.internet = this.net.namespace;
  }

  /** @param {Edge} edge its router */
  router(edge) {
    return `bl-${process.pid}-${edge}`;
  }

  /** @param {Edge} edge the machine behind it */
  machine(edge) {
    return `bl-${process.pid}-in-${edge}`;
  }

  /** A STUN or TURN server's address, as configurations have it. */
  get stun() {
    return `stun:${TURN}:${TURN_PORT}`;
  }

  /** @param {'udp' | 'tcp'} transport @param {string} [password] */
  turn(transport, password = PASSWORD) {
    return `turn:${USER}:${password}@${TURN}:${TURN_PORT}?transport=${
      transport}`;
  }

  /** @param {string} namespace @param {string} rules */
  async nft(namespace, rules) {
    const nft = run('ip', ['netns', 'exec', namespace, 'nft', '-f', '-']);
    nft.child.stdin?.end(rules);
    await nft;
  }

  /**
   * One end and the other of a cable.
   * @param {{ namespace: string, device: string, address: string }} a
   * @param {{ namespace: string, device: string, address: string }} b
   */
  async cable(a, b) {
    await ip('-n', a.namespace, 'link', 'add', a.device, 'type', 'veth',
      'peer', 'name', b.device, 'netns', b.namespace);
    for (const { namespace, device, address } of [a, b]) {
      await ip('-n', namespace, 'address', 'add', `${address}/30`, 'dev',
        device);
      await ip('-n', namespace, 'link', 'set', device, 'up');
    }
  }

  /** @param {string} namespace */
  async forward(namespace) {
    await run('ip', ['netns', 'exec', namespace, 'sysctl', '-qw',
      'net.ipv4.ip_forward=1']);
  }

  /** @param {Edge} edge */
  async addEdge(edge) {
    const { outside, internet, router, inside } = EDGES[edge];
    const [door, behind] = [this.router(edge), this.machine(edge)];
    await this.net.add(door);
    await this.net.add(behind);
    await this.cable({ namespace: this.internet, device: `to-${edge}`,
      address: internet }, { namespace: door, device: 'out',
      address: outside });
    await this.cable({ namespace: door, device: 'in', address: router },
      { namespace: behind, device: 'up0', address: inside });
    await ip('-n', door, 'route', 'add', 'default', 'via', internet);
    await ip('-n', behind, 'route', 'add', 'default', 'via', router);
    await this.forward(door);
    // Nothing comes in that was not asked for.
    await this.nft(door, `
      table ip nat {
        chain post {
          type nat hook postrouting priority 100;
          oifname "out" masquerade
        }
        chain pre { type nat hook prerouting priority -100; }
      }
      table ip filter {
        chain datagrams { }
        chain input {
          type filter hook input priority 0;
          iifname "out" ct state new drop
        }
        chain forward {
          type filter hook forward priority 0; policy drop;
          ct state established,related accept
          ct status dnat accept
          iifname "in" meta l4proto udp jump datagrams
          iifname "in" accept
        }
      }
    `);
  }

  async open() {
    // In this order: a hook that fails keeps others from running.
    this.t.after(async () => {
      try {
        await this.site.close();
      } finally {
        await this.turnServer?.stop();
        await this.net.remove();
      }
    });
    await this.net.open();
    await this.forward(this.internet);
    await this.nft(this.internet, `
      table ip weather {
        chain forward { type filter hook forward priority 0; }
      }
    `);
    await ip('-n', this.internet, 'address', 'add', `${TURN}/32`, 'dev', 'lo');
    // Private addresses are nowhere, but not refused: else coturn gives up the
    // allocation that sends to one.
    await ip('-n', this.internet, 'tuntap', 'add', 'nowhere', 'mode', 'tun');
    await ip('-n', this.internet, 'link', 'set', 'nowhere', 'up');
    await ip('-n', this.internet, 'route', 'add', 'default', 'dev', 'nowhere');
    for (const edge of /** @type {const} */ (['carrier', 'hospital', 'home'])) {
      await this.addEdge(edge);
    }
    await this.startTurn();
    await makeCertificates(this.folder,
      [EDGES.hospital.outside, EDGES.hospital.inside],
      ['ambulance-1']);
  }

  async startTurn() {
    const server = new Daemon('turnserver', ['turnserver', '-n', '-v',
      '--log-file', 'stdout', '--pidfile', join(this.folder, 'turn.pid'),
      '--listening-ip', TURN, '--relay-ip', TURN, '--listening-port',
      String(TURN_PORT), '--lt-cred-mech', '--user', `${USER}:${PASSWORD}`,
      '--realm', 'test', '--no-tls', '--no-dtls', '--no-cli', '--userdb',
      join(this.folder, 'turn.db')], { namespace: this.internet });
    this.turnServer = server;
    keepLog(this.t, server);
    await server.says(/listener opened on ?: 203\.0\.113\.129:3478/i);
  }

  /** From this network UDP goes to the TURN server alone. @param {Edge} edge */
  async onlyTurn(edge) {
    await this.nft(this.router(edge),
      `add rule ip filter datagrams ip daddr != ${TURN} drop\n`);
  }

  /** From this network no UDP goes at all. @param {Edge} edge */
  async noUdp(edge) {
    await this.nft(this.router(edge), 'add rule ip filter datagrams drop\n');
  }

  /** Between a network and the internet nothing passes. @param {Edge} edge */
  async cut(edge) {
    await this.nft(this.internet, `
      add rule ip weather forward iifname "to-${edge}" drop
      add rule ip weather forward oifname "to-${edge}" drop
      add chain ip weather input { type filter hook input priority 0; }
      add rule ip weather input iifname "to-${edge}" drop
    `);
  }

  async mend() {
    await this.nft(this.internet, 'flush table ip weather\n');
  }

  /**
   * The relay behind the firewall, which lets TCP in to its pages and to
   * vehicles.
   * @param {Record<string, string | number>} media
   */
  async startRelay(media) {
    const { outside, inside } = EDGES.hospital;
    const relay = new Relay(this.t, { folder: this.folder, address: outside,
      namespace: this.machine('hospital'),
      settings: { http: { listen: '' }, media } });
    this.site.relay = relay;
    await relay.configure();
    await this.nft(this.router('hospital'), `
      add rule ip nat pre iifname "out" tcp dport { ${relay.port}, ${
  relay.vehiclePort} } dnat to ${inside}
    `);
    await this.site.startRelay();
    await this.site.signIn();
    return relay;
  }

  /**
   * The vehicle behind its carrier's NAT, calling "north".
   * @param {Record<string, Record<string, string | number>>} [settings]
   */
  async startVehicle(settings = {}) {
    const vehicle = new Vehicle(this.t, { folder: this.folder,
      relay: this.site.relay, unit: 'ambulance-1',
      namespace: this.machine('carrier'), settings });
    await this.site.startVehicle(vehicle, '--call', 'north');
    return vehicle;
  }

  /**
   * A viewer at home, or beside the relay.
   * @param {{ id: string }} call
   * @param {Edge} edge
   */
  async watch(call, edge) {
    const { inside, outside } = EDGES.hospital;
    const host = edge === 'hospital' ? inside : outside;
    const viewers = await watch(this.t, { folder: this.folder,
      namespace: this.machine(edge), ca: this.site.ca,
      token: await this.site.relay.token('--view', call.id),
      url: `https://${host}:${this.site.relay.port}/whep/${call.id}` });
    this.site.keep(viewers.daemon);
    return viewers;
  }
}
