// SPDX-License-Identifier: Apache-2.0
// What the benchmarks share: a network namespace of their own, the servers
// under load in it, and runs of loadgen.

import { execFile, execFileSync } from 'node:child_process';
import { access, cp, mkdir, mkdtemp, readFile, rm, writeFile }
  from 'node:fs/promises';
import { constants, cpus, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BUILD, Daemon, Relay, ROOT, eventually, http, makeCertificates }
  from '../../tests/lib/daemons.mjs';
import { Network } from '../../tests/lib/netns.mjs';

const run = promisify(execFile);

/** All servers and the load are at this address, of an interface that leads
 * nowhere: packets take the namespace's loopback, and Janus, which passes over
 * loopback's own addresses, accepts it. */
const ADDRESS = '10.77.0.1';

/**
 * What loadgen prints; docs/bench.md.
 * @typedef {{ p50: number, p95: number, p99: number, max: number }} Quantiles
 * @typedef {{ viewers: number, joined: number, complete: number,
 *   failed: number, error: string | null, seconds: number,
 *   delivered_per_s: number, expected: number, lost: number, loss: number,
 *   repaired: number, latency_us: Quantiles, answer_ms: Quantiles,
 *   connect_ms: Quantiles, connect_own_ms: Quantiles,
 *   keyframe_ms: Quantiles, own_cpu: number,
 *   machine_cpu: number,
 *   source: { packets_per_s: number, bps: number, late_max_ms: number },
 *   since_start: { packets: number, retransmissions: number,
 *     reordered: number, doubles: number, authentic: number, refused: number,
 *     unknown: number, remapped: number, overflows: number },
 *   server?: { cpu_us_per_packet: number, cpu: number,
 *     kib_per_viewer: number, heap_kib_per_viewer?: number, rss_kib: number, pss_kib: number,
 *     threads: number, fds: number } }} Load
 */

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

const LONGEST_LOAD_MS = 12 * 3600 * 1000;

/**
 * What a server has asked for and not given back, and for how many sessions.
 * @typedef {{ kib: number, sessions: number }} Heap
 */

/**
 * By how much a load's viewers made it grow, by viewers; nothing if there is no
 * such load.
 * @param {Daemon} loadgen
 * @param {() => Promise<Heap>} heap
 */
async function heapPerSession(loadgen, heap) {
  try {
    await loadgen.says(/^phase join$/m);
    const before = await heap();
    await loadgen.says(/^phase drain$/m, { ms: LONGEST_LOAD_MS });
    const after = await heap();
    return (after.kib - before.kib) / (after.sessions - before.sessions);
  } catch (error) {
    console.error(`no heap: ${/** @type {Error} */ (error).message}`);
    return undefined;
  }
}

/** A bench cleans up behind itself as a test does. */
export class Bench {
  constructor() {
    /** @type {(() => unknown)[]} */
    this.hooks = [];
    this.net = new Network();
    this.folder = '';
    this.stream = '';
  }

  /** @param {() => unknown} hook */
  after(hook) {
    this.hooks.push(hook);
  }

  get namespace() {
    return this.net.namespace;
  }

  async open() {
    if (process.getuid?.() !== 0) {
      throw new Error('network namespaces need root; run it with sudo');
    }
    this.folder = await mkdtemp(join(tmpdir(), 'bluelight-bench-'));
    this.after(() => rm(this.folder, { recursive: true, force: true,
      maxRetries: 20, retryDelay: 100 }));
    await this.net.open();
    this.after(() => this.net.remove());
    for (const command of [['link', 'add', 'bench0', 'type', 'veth', 'peer',
      'name', 'bench1'],
      ['address', 'add', `${ADDRESS}/24`, 'dev', 'bench0'],
      ['link', 'set', 'bench0', 'up'], ['link', 'set', 'bench1', 'up']]) {
      await run('ip', ['-n', this.namespace, ...command]);
    }
    await makeCertificates(this.folder, [ADDRESS], []);
    // Who breaks it off wants none of its programs to go on.
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
      process.once(signal, () => this.close().finally(() =>
        process.exit(128 + constants.signals[signal])));
    }
  }

  async close() {
    for (const hook of this.hooks.splice(0).reverse()) await hook();
  }

  /**
   * The recorded stream, made once and kept.
   * @param {string} [file] another one
   */
  async prepareStream(file) {
    const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
    this.stream = file ?? join(cache, 'bluelight/bench-2500k-720p30.h264');
    try {
      await access(this.stream);
    } catch {
      console.error(`making ${this.stream} …`);
      await run(join(ROOT, 'tools/bench.d/stream'), [this.stream]);
    }
  }

  /**
   * @param {string[]} args
   * @param {{ cpu?: number, heap?: () => Promise<Heap> }} [options] `heap`:
   *   the server's, asked for before the first viewer and at the end
   */
  async load(args, { cpu, heap } = {}) {
    const argv = [join(BUILD, 'tools/bench.d/loadgen/loadgen'),
      '--stream', this.stream, '--quiet', '--phases',
      ...(cpu === undefined ? [] : ['--cpu', String(cpu)]), ...args];
    const daemon = new Daemon('loadgen', argv, { namespace: this.namespace });
    this.after(() => daemon.stop());
    const perSession = heap && heapPerSession(daemon, heap);
    await daemon.ended;
    const line = daemon.log.split('\n').find((text) => text.startsWith('{'));
    if (!line) throw new Error(`loadgen:\n${daemon.log.slice(-2000)}`);
    const load = /** @type {Load} */ (JSON.parse(line));
    if (load.server) load.server.heap_kib_per_viewer = await perSession;
    return load;
  }
}

let started = 0;

/** Our relay: a fresh one, with a fresh store. */
export class OurServer {
  /**
   * @param {Bench} bench
   * @param {{ cpu?: number, workers?: number, viewers?: number,
   *   eds?: string[], graceSeconds?: number, program?: string }} [options]
   */
  constructor(bench, options = {}) {
    this.bench = bench;
    this.options = options;
    this.folder = '';
    this.metricsToken = '';
    /** @type {any} */
    this.relay = null;
  }

  async start() {
    const { bench, options } = this;
    this.folder = join(bench.folder, `relay-${++started}`);
    await mkdir(this.folder, { recursive: true });
    await cp(join(bench.folder, 'certs'), join(this.folder, 'certs'),
      { recursive: true });
    this.relay = new Relay(/** @type {any} */ (bench), {
      folder: this.folder, address: ADDRESS, namespace: bench.namespace,
      settings: { media: { workers: options.workers ?? 1 },
        calls: { eds: (options.eds ?? ['north']).join(', '),
          max_viewers: options.viewers ?? 128,
          grace_s: options.graceSeconds ?? 300 } } });
    await this.relay.configure();
    const argv = [options.program ?? join(BUILD, 'src/relay/bluelight-relay'),
      '--config', this.relay.config];
    if (options.cpu !== undefined) {
      argv.unshift('taskset', '-c', String(options.cpu));
    }
    this.relay.daemon = new Daemon('relay', argv,
      { namespace: bench.namespace });
    await this.relay.daemon.says(/^ready/m);
    this.metricsToken = await this.relay.token('--metrics');
  }

  /** What the relay has asked for and not given back. */
  async heap() {
    const { text } = await http({ namespace: this.bench.namespace },
      `${this.relay.url}/metrics`,
      { headers: { Authorization: `Bearer ${this.metricsToken}` },
        ca: join(this.folder, 'certs/ca.pem') });
    const number = (/** @type {RegExp} */ pattern) =>
      Number(pattern.exec(text)?.[1]);
    return { kib: number(/^bluelight_heap_bytes (\d+)/m) / 1024,
      sessions: number(/^bluelight_worker_sessions\S* (\d+)/m) };
  }

  get pid() {
    return this.relay.daemon.process.pid;
  }

  /** @param {string} [ed] */
  async args(ed = 'north') {
    const file = join(this.folder, `publish-${ed}.token`);
    await writeFile(file, await this.relay.token('--publish', ed),
      { mode: 0o600 });
    const cli = join(BUILD, 'src/cli/bluelight');
    return ['--publish', `${this.relay.url}/whip/${ed}`,
      '--publish-token-file', file, '--watch', `${this.relay.url}/whep/{call}`,
      '--token-command',
      `'${cli}' --folder '${this.relay.store}' token new --view $CALL`,
      '--ca', join(this.folder, 'certs/ca.pem'),
      '--server-pid', String(this.pid)];
  }

  /** @returns {Promise<number | string>} */
  async stop() {
    return this.relay.daemon.stop();
  }
}

const JANUS_HTTP = 8088;
const JANUS_RTP = 5004;

/** Debian's Janus, its streaming plugin alone. */
export class JanusServer {
  /**
   * @param {Bench} bench
   * @param {{ best?: boolean, bufferKeyframe?: boolean, cpu?: number }}
   *   [options] `best`: two event loops, two threads of the mountpoint
   */
  constructor(bench, options = {}) {
    this.bench = bench;
    this.options = options;
    /** @type {Daemon | null} */
    this.daemon = null;
  }

  static async isThere() {
    try {
      await access('/usr/bin/janus');
      return true;
    } catch {
      return false;
    }
  }

  async start() {
    const { best, bufferKeyframe, cpu } = this.options;
    const folder = join(this.bench.folder, `janus-${++started}`);
    await mkdir(folder, { recursive: true });
    const text = await readFile('/etc/janus/janus.jcfg', 'utf8');
    await writeFile(join(folder, 'janus.jcfg'), text
      .replace(/configs_folder = "[^"]*"/, `configs_folder = "${folder}"`)
      .replace(/^general: \{/m, best ? 'general: {\n\tevent_loops = 2' : '$&'));
    await writeFile(join(folder, 'janus.transport.http.jcfg'),
      `general: { json = "compact" base_path = "/janus" http = true `
      + `port = ${JANUS_HTTP} https = false }\n`);
    await writeFile(join(folder, 'janus.plugin.streaming.jcfg'),
      `bench: { type = "rtp" id = 1 audio = false video = true
        videoport = ${JANUS_RTP} videopt = 96 videocodec = "h264"
        videofmtp = "profile-level-id=42e01f;packetization-mode=1"
        ${bufferKeyframe ? 'videobufferkf = true' : ''}
        ${best ? 'threads = 2' : ''} }\n`);
    const plugins = ['audiobridge', 'duktape', 'echotest', 'lua', 'nosip',
      'recordplay', 'sip', 'textroom', 'videocall', 'videoroom', 'voicemail']
      .map((name) => `libjanus_${name}.so`).join(',');
    const transports = ['mqtt', 'nanomsg', 'pfunix', 'rabbitmq', 'websockets']
      .map((name) => `libjanus_${name}.so`).join(',');
    await writeFile(join(folder, 'janus.jcfg'),
      (await readFile(join(folder, 'janus.jcfg'), 'utf8'))
        .replace(/^plugins: \{/m, `plugins: {\n\tdisable = "${plugins}"`)
        .replace(/^transports: \{/m,
          `transports: {\n\tdisable = "${transports}"`)
        .replace(/^media: \{/m, 'media: {\n\tipv6 = false'));
    const argv = ['janus', '-F', folder];
    if (cpu !== undefined) argv.unshift('taskset', '-c', String(cpu));
    this.daemon = new Daemon('janus', argv,
      { namespace: this.bench.namespace });
    await this.daemon.says(/HTTP webserver started/);
  }

  get pid() {
    return this.daemon?.process.pid;
  }

  async args() {
    return ['--rtp', `${ADDRESS}:${JANUS_RTP}`,
      '--janus', `http://${ADDRESS}:${JANUS_HTTP}/janus`, '--mountpoint', '1',
      '--server-pid', String(this.pid)];
  }

  async stop() {
    await this.daemon?.stop();
  }
}

const SRS_HTTP = 1985;

/** A build of SRS (https://ossrs.net, 6.0) that is here already. */
export class SrsServer {
  /**
   * @param {Bench} bench
   * @param {{ program: string, cpu?: number }} options
   */
  constructor(bench, options) {
    this.bench = bench;
    this.options = options;
    /** @type {Daemon | null} */
    this.daemon = null;
  }

  async start() {
    const folder = join(this.bench.folder, `srs-${++started}`);
    await mkdir(folder, { recursive: true });
    const config = join(folder, 'srs.conf');
    await writeFile(config, `listen 1935; max_connections 4000; daemon off;
      pid ${folder}/srs.pid; work_dir ${folder};
      srs_log_tank console; srs_log_level warn; srs_log_level_v2 warn;
      http_api { enabled on; listen ${SRS_HTTP}; }
      rtc_server { enabled on; listen 8000; candidate ${ADDRESS}; }
      vhost __defaultVhost__ { rtc { enabled on; } }\n`);
    const argv = [this.options.program, '-c', config];
    if (this.options.cpu !== undefined) {
      argv.unshift('taskset', '-c', String(this.options.cpu));
    }
    this.daemon = new Daemon('srs', argv, { namespace: this.bench.namespace });
    await eventually('SRS answers', () => http(
      { namespace: this.bench.namespace },
      `http://${ADDRESS}:${SRS_HTTP}/api/v1/versions`).catch(() => false));
  }

  get pid() {
    return this.daemon?.process.pid;
  }

  async args() {
    const at = (/** @type {string} */ what) =>
      `http://${ADDRESS}:${SRS_HTTP}/rtc/v1/${what}/?app=live&stream=bench`;
    return ['--publish', at('whip'), '--watch', at('whep'),
      '--server-pid', String(this.pid)];
  }

  async stop() {
    await this.daemon?.stop();
  }
}

/** One line about this machine, now. */
export function machine() {
  const [cpu] = cpus();
  let release = '';
  try {
    release = execFileSync('sh',
      ['-c', '. /etc/os-release; echo "$PRETTY_NAME"'], { encoding: 'utf8' });
  } catch {
    release = process.platform;
  }
  return `${cpus().length} × ${cpu.model.trim()}, ${release.trim()}, kernel `
    + `${execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim()}, `
    + new Date().toISOString().slice(0, 10);
}
