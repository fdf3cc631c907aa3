// SPDX-License-Identifier: Apache-2.0
// Networks of a test's own: a namespace for the relay and one for each other
// machine, joined by veth pairs. All links are made inside these namespaces,
// whose names hold this process's id; this machine's own network is untouched.
// Needs root.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** @param {...string} argv */
async function tc(...argv) {
  await run('tc', argv);
}

/** @param {...string} argv */
async function ip(...argv) {
  return (await run('ip', argv)).stdout;
}

/** Takes away what a test that was killed has left. */
async function sweep() {
  for (const [name, pid] of (await ip('netns', 'list'))
    .matchAll(/^bl-(\d+)-[\w-]+/gm)) {
    try {
      process.kill(Number(pid), 0);
    } catch {
      await ip('netns', 'delete', name);
    }
  }
}

/** A machine with one link to the relay. */
export class Machine {
  /**
   * @param {string} namespace
   * @param {number} subnet
   * @param {string} home the relay's namespace
   */
  constructor(namespace, subnet, home) {
    this.namespace = namespace;
    this.home = home;
    this.device = `down${subnet}`; // of the relay's, towards it
    /** Where it finds the relay. */
    this.relay = `10.77.${subnet}.1`;
    this.address = `10.77.${subnet}.2`;
  }

  /** Its modem loses the network. */
  async down() {
    await ip('-n', this.namespace, 'link', 'set', 'up0', 'down');
  }

  async up() {
    await ip('-n', this.namespace, 'link', 'set', 'up0', 'up');
  }

  /**
   * From the relay to it goes so much a second, with a queue of 400 ms.
   * @param {number} kbps
   */
  async narrow(kbps) {
    await tc('-n', this.home, 'qdisc', 'replace', 'dev', this.device, 'root',
      'tbf', 'rate', `${Math.round(kbps)}kbit`, 'burst', '4000',
      'latency', '400ms');
  }

  async widen() {
    await tc('-n', this.home, 'qdisc', 'delete', 'dev', this.device, 'root');
  }
}

export class Network {
  constructor() {
    this.namespace = `bl-${process.pid}-relay`;
    /** @type {string[]} */
    this.namespaces = [];
  }

  /** @param {string} namespace */
  async add(namespace) {
    await ip('netns', 'add', namespace);
    this.namespaces.push(namespace);
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }

  /**
   * A machine beside the relay's, and the link between them.
   * @param {string} name
   */
  async machine(name) {
    const subnet = this.namespaces.length;
    const machine = new Machine(`bl-${process.pid}-${name}`, subnet,
      this.namespace);
    const here = this.namespace;
    const there = machine.namespace;
    await this.add(there);
    await ip('-n', here, 'link', 'add', `down${subnet}`, 'type', 'veth',
      'peer', 'name', 'up0', 'netns', there);
    await ip('-n', here, 'address', 'add', `${machine.relay}/24`,
      'dev', `down${subnet}`);
    await ip('-n', there, 'address', 'add', `${machine.address}/24`,
      'dev', 'up0');
    await ip('-n', here, 'link', 'set', `down${subnet}`, 'up');
    await machine.up();
    return machine;
  }

  /** Makes the relay's machine; the others follow with machine(). */
  async open() {
    await sweep();
    await this.add(this.namespace);
  }

  async remove() {
    for (const namespace of this.namespaces.splice(0)) {
      await ip('netns', 'delete', namespace);
    }
  }
}
