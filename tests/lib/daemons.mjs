// SPDX-License-Identifier: Apache-2.0
// Starts the real programs as their users would: configuration files, a
// certificate authority made by certs/mint, processes that are waited for by
// what they say and ended by their own process id.

import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const BUILD = resolve(process.env.BL_BUILD ?? join(ROOT, 'build'));
export const PROGRAMS = {
  relay: join(BUILD, 'src/relay/bluelight-relay'),
  vehicle: join(BUILD, 'src/vehicle/bluelight-vehicle'),
  cli: join(BUILD, 'src/cli/bluelight'),
};
const READY_MS = 20000;
const STOP_MS = 10000;

const run = promisify(execFile);

/**
 * @typedef {import('node:test').TestContext} TestContext
 * @typedef {{ namespace?: string }} Where a network namespace, or here
 */

/**
 * The command line that runs a program in its network namespace.
 * @param {Where} where
 * @param {string[]} argv
 */
function placed({ namespace }, argv) {
  return namespace ? ['ip', 'netns', 'exec', namespace, ...argv] : argv;
}

/** A process of ours, with all that it said. */
export class Daemon {
  /**
   * @param {string} name
   * @param {string[]} argv
   * @param {Where} [where]
   */
  constructor(name, argv, where = {}) {
    this.name = name;
    this.log = '';
    /** @type {{ pattern: RegExp, from: number, met: (m: any) => void }[]} */
    this.waiting = [];
    const [command, ...rest] = placed(where, argv);
    this.process = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.log += text;
        this.look();
      });
    }
    /** @type {Promise<number | string>} exit status, or the signal's name */
    this.ended = new Promise((done) => {
      this.process.on('exit', (code, signal) => done(code ?? signal ?? ''));
    });
  }

  look() {
    this.waiting = this.waiting.filter(({ pattern, from, met }) => {
      const match = pattern.exec(this.log.slice(from));
      if (match) met(match);
      return !match;
    });
  }

  /**
   * Waits until it says something that matches; fails when it ends before.
   * @param {RegExp} pattern
   * @param {{ from?: number, ms?: number }} [options] `from`: ignore what it
   *   said before this position of `log`
   * @returns {Promise<RegExpExecArray>}
   */
  says(pattern, { from = 0, ms = READY_MS } = {}) {
    return new Promise((met, fail) => {
      const give = (/** @type {string} */ why) => {
        clearTimeout(timer);
        fail(new Error(`${this.name} ${why} instead of saying ${pattern}:\n`
          + this.log.slice(-2000)));
      };
      const timer = setTimeout(() => give(`was silent for ${ms} ms`), ms);
      this.waiting.push({ pattern, from, met: (match) => {
        clearTimeout(timer);
        met(match);
      } });
      this.look();
      this.ended.then((status) => give(`ended (${status})`));
    });
  }

  get running() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Asks it to end; gives its exit status. */
  async stop() {
    if (!this.running) return this.ended;
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
    const status = await this.ended;
    clearTimeout(timer);
    return status;
  }

  /** The power is cut. */
  async kill() {
    this.process.kill('SIGKILL');
    return this.ended;
  }
}

/**
 * An empty folder, gone after the test.
 * @param {TestContext} t
 */
export async function scratch(t) {
  const folder = await mkdtemp(join(tmpdir(), 'bluelight-test-'));
  // A daemon that still ends may be writing into it.
  t.after(() => rm(folder,
    { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  return folder;
}

/** @param {number} count free TCP ports of this machine */
export async function freePorts(count) {
  /** @type {import('node:net').Server[]} */
  const servers = await Promise.all(Array.from({ length: count },
    () => new Promise((done) => {
      const server = createServer();
      server.listen(0, '127.0.0.1', () => done(server));
    })));
  const ports = servers.map((server) =>
    /** @type {import('node:net').AddressInfo} */ (server.address()).port);
  await Promise.all(servers.map((server) => promisify(
    server.close.bind(server))()));
  return ports;
}

/**
 * INI text of nested objects.
 * @param {Record<string, Record<string, string | number>>} sections
 */
export function ini(sections) {
  return Object.entries(sections).map(([name, keys]) => [`[${name}]`,
    ...Object.entries(keys).map(([key, value]) => `${key} = ${value}`)]
    .join('\n')).join('\n\n') + '\n';
}

/**
 * @param {Record<string, Record<string, string | number>>} base
 * @param {Record<string, Record<string, string | number>>} settings
 */
function merge(base, settings) {
  for (const [section, keys] of Object.entries(settings)) {
    base[section] = { ...base[section], ...keys };
  }
}

/**
 * @param {string} folder
 * @param {...string} args
 */
export async function mint(folder, ...args) {
  const [what, ...rest] = args;
  await run(join(ROOT, 'certs/mint'), [what, folder, ...rest]);
}

/**
 * Certificates for a relay at these names and for these units.
 * @param {string} folder
 * @param {string[]} names
 * @param {string[]} units
 */
export async function makeCertificates(folder, names, units) {
  const certs = join(folder, 'certs');
  await mint(certs, 'ca');
  await mint(certs, 'relay', ...names);
  for (const unit of units) await mint(certs, 'vehicle', unit);
  return certs;
}

/**
 * A relay's configuration and folders; start it with start().
 */
export class Relay {
  /**
   * @param {TestContext} t
   * @param {{ folder: string, address?: string, namespace?: string,
   *   settings?: Record<string, Record<string, string | number>> }} options
   */
  constructor(t, { folder, address = '127.0.0.1', namespace, settings = {} }) {
    this.folder = folder;
    this.address = address;
    this.namespace = namespace;
    this.settings = settings;
    this.store = join(folder, 'relay');
    this.config = '';
    this.port = this.vehiclePort = this.loopbackPort = this.mediaPort = 0;
    /** @type {Daemon | null} */
    this.daemon = null;
    t.after(() => this.daemon?.stop());
  }

  async configure() {
    [this.port, this.vehiclePort, this.loopbackPort, this.mediaPort] =
      await freePorts(4);
    await mkdir(this.store, { recursive: true, mode: 0o700 });
    const certs = join(this.folder, 'certs');
    /** @type {Record<string, Record<string, string | number>>} */
    const base = {
      http: { listen: this.address, port: this.port,
        vehicle_port: this.vehiclePort, loopback_port: this.loopbackPort },
      tls: { certificate: join(certs, 'relay.pem'),
        key: join(certs, 'relay.key'), vehicle_ca: join(certs, 'ca.pem') },
      media: { port: this.mediaPort, workers: 1 },
      calls: { eds: 'north, south' },
      store: { folder: this.store },
    };
    merge(base, this.settings);
    this.config = join(this.folder, 'relay.ini');
    await writeFile(this.config, ini(base));
  }

  /** Starts it, or starts it again, with the same folders and ports. */
  async start() {
    if (!this.config) await this.configure();
    this.daemon = new Daemon('relay',
      [PROGRAMS.relay, '--config', this.config], this);
    await this.daemon.says(/^ready/m);
    return this;
  }

  /** Pages, API and WHEP without TLS, from the relay's own loopback. */
  get loopback() {
    return `http://localhost:${this.loopbackPort}`;
  }

  /** The same for everybody, with TLS. */
  get url() {
    return `https://${this.address}:${this.port}`;
  }

  /** @param {...string} args what the operator types behind "bluelight" */
  async cli(...args) {
    const { stdout } = await run(PROGRAMS.cli,
      ['--folder', this.store, ...args]);
    return stdout;
  }

  /**
   * A person, and a one-time code for signing in.
   * @param {string} name
   * @param {'clinician' | 'it'} role
   */
  async person(name, role) {
    await this.cli('user', 'add', name, '--role', role, '--no-password');
    return this.code(name);
  }

  /** @param {string} name */
  async code(name) {
    const said = await this.cli('user', 'code', name);
    const [code] = /[A-Z0-9]{4}(-[A-Z0-9]{4})+/.exec(said) ?? [];
    if (!code) throw new Error(`no code in: ${said}`);
    return code;
  }

  /** @param {...string} args of "bluelight token new" */
  async token(...args) {
    const said = await this.cli('token', 'new', ...args);
    const [token] = /^[\w-]{20,}$/m.exec(said) ?? [];
    if (!token) throw new Error(`no token in: ${said}`);
    return token;
  }
}

/** A vehicle's configuration and folder; start it with start(). */
export class Vehicle {
  /**
   * @param {TestContext} t
   * @param {{ folder: string, relay: Relay, unit: string, address?: string,
   *   namespace?: string, capture?: Record<string, string | number>,
   *   settings?: Record<string, Record<string, string | number>> }} options
   *   `address`: the relay's, as the vehicle reaches it
   */
  constructor(t, options) {
    const { folder, relay, unit, namespace, capture = {} } = options;
    this.folder = folder;
    this.relay = relay;
    this.address = options.address ?? relay.address;
    this.unit = unit;
    this.namespace = namespace;
    this.capture = capture;
    this.settings = options.settings ?? {};
    this.config = '';
    this.kioskPort = 0;
    /** @type {Daemon | null} */
    this.daemon = null;
    t.after(() => this.daemon?.stop());
  }

  async configure() {
    [this.kioskPort] = await freePorts(1);
    const state = join(this.folder, this.unit);
    await mkdir(state, { recursive: true, mode: 0o700 });
    const certs = join(this.folder, 'certs');
    /** @type {Record<string, Record<string, string | number>>} */
    const base = {
      vehicle: { unit: this.unit, state_folder: state },
      relay: { url: `https://${this.address}:${this.relay.vehiclePort}`,
        ca: join(certs, 'ca.pem'),
        certificate: join(certs, `${this.unit}.pem`),
        key: join(certs, `${this.unit}.key`) },
      capture: { pipeline: 'test', width: 640, height: 360, fps: 30,
        bitrate_kbps: 800, ...this.capture },
      kiosk: { port: this.kioskPort },
    };
    merge(base, this.settings);
    this.config = join(this.folder, `${this.unit}.ini`);
    await writeFile(this.config, ini(base));
  }

  /** @param {...string} args such as "--call", "north" */
  async start(...args) {
    if (!this.config) await this.configure();
    this.daemon = new Daemon(this.unit,
      [PROGRAMS.vehicle, '--config', this.config, ...args], this);
    await this.daemon.says(/^ready/m);
    return this;
  }

  get url() {
    return `http://127.0.0.1:${this.kioskPort}`;
  }
}

/**
 * Asks again until the answer is good: for states that nobody announces.
 * @template T
 * @param {string} what
 * @param {() => Promise<T | null | undefined | false>} ask
 * @param {number} [ms]
 * @returns {Promise<T>}
 */
export async function eventually(what, ask, ms = 15000) {
  const until = performance.now() + ms;
  let last;
  while (performance.now() < until) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${what}: not within ${ms} ms${last ? ` (${last})` : ''}`);
}

/**
 * HTTP from inside a network namespace, by curl; or from here.
 * @param {Where} where
 * @param {string} url
 * @param {{ method?: string, body?: string, headers?: Record<string, string>,
 *   ca?: string, jar?: string }} [options] `jar`: a file of cookies
 */
export async function http(where, url, options = {}) {
  const { method = 'GET', body, headers = {}, ca, jar } = options;
  const argv = ['curl', '-sS', '-m', '10', '-X', method,
    '-w', '\n%{http_code}', url];
  if (body !== undefined) argv.push('--data-binary', body);
  if (ca) argv.push('--cacert', ca);
  if (jar) argv.push('-b', jar, '-c', jar);
  for (const [name, value] of Object.entries(headers)) {
    argv.push('-H', `${name}: ${value}`);
  }
  const [command, ...rest] = placed(where, argv);
  const { stdout } = await run(command, rest, { maxBuffer: 64 * 1024 * 1024 });
  const cut = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(cut + 1)), text: stdout.slice(0, cut) };
}
