// SPDX-License-Identifier: Apache-2.0
// Firefox as Debian packages it, driven by its own Marionette protocol:
// "LENGTH:[0, id, command, parameters]" over TCP. Playwright drives only a
// Firefox of its own making.

import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { eventually, freePorts } from './daemons.mjs';

const PREFERENCES = {
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'app.normandy.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

class Marionette {
  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.socket = socket;
    this.buffer = Buffer.alloc(0);
    this.lastId = 0;
    /** @type {Map<number, { met: (v: any) => void, fail: (e: Error) => void }>} */
    this.waiting = new Map();
    socket.on('data', (data) => this.take(data));
    socket.on('close', () => {
      for (const { fail } of this.waiting.values()) {
        fail(new Error('Firefox closed the connection'));
      }
    });
  }

  /** @param {Buffer} data */
  take(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    for (;;) {
      const colon = this.buffer.indexOf(':');
      const end = colon + 1 + Number(this.buffer.subarray(0, colon));
      if (colon < 0 || this.buffer.length < end) return;
      const message = JSON.parse(
        this.buffer.subarray(colon + 1, end).toString());
      this.buffer = this.buffer.subarray(end);
      if (!Array.isArray(message)) continue; // its greeting
      const [, id, error, result] = message;
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) waiting?.fail(new Error(`${error.error}: ${error.message}`));
      else waiting?.met(result);
    }
  }

  /**
   * @param {string} name such as "WebDriver:Navigate"
   * @param {object} [parameters]
   * @returns {Promise<any>}
   */
  command(name, parameters = {}) {
    const id = ++this.lastId;
    const text = JSON.stringify([0, id, name, parameters]);
    return new Promise((met, fail) => {
      this.waiting.set(id, { met, fail });
      this.socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  }

  /** @param {string} url */
  async goto(url) {
    await this.command('WebDriver:Navigate', { url });
  }

  /**
   * Runs an async function's source in the page.
   * @param {() => any} code
   */
  async evaluate(code) {
    const { value } = await this.command('WebDriver:ExecuteAsyncScript', {
      args: [],
      script: `const done = arguments[0];
        (${code})().then((value) => done({ value }),
          (error) => done({ error: String(error) }));`,
    });
    if (value.error) throw new Error(value.error);
    return value.value;
  }
}

/**
 * @param {number} port
 * @returns {Promise<import('node:net').Socket>}
 */
function dial(port) {
  return new Promise((met, fail) => {
    const socket = connect(port, '127.0.0.1', () => met(socket));
    socket.on('error', fail);
  });
}

const BROWSER = process.env.BL_FIREFOX ?? 'firefox-esr';

/** Why there is no Firefox to test with, or null if there is one. */
export async function whyNoFirefox() {
  try {
    await promisify(execFile)(BROWSER, ['--version']);
    return null;
  } catch (error) {
    return `can't run ${BROWSER} (apt install firefox-esr): ${error}`;
  }
}

/**
 * A Firefox with an empty profile; gone after the test.
 * @param {import('node:test').TestContext} t
 */
export async function startFirefox(t) {
  const profile = await mkdtemp(join(tmpdir(), 'bluelight-firefox-'));
  const [port] = await freePorts(1);
  await writeFile(join(profile, 'user.js'),
    Object.entries({ ...PREFERENCES, 'marionette.port': port })
      .map(([name, value]) =>
        `user_pref("${name}", ${JSON.stringify(value)});\n`).join(''));
  const browser = spawn(BROWSER,
    ['--headless', '--marionette', '--no-remote', '--profile', profile],
    { stdio: 'ignore', env: { ...process.env, HOME: profile } });
  const ended = new Promise((done) => {
    browser.on('exit', done);
    browser.on('error', done);
  });
  t.after(async () => {
    browser.kill();
    const timer = setTimeout(() => browser.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
    await rm(profile, { recursive: true, force: true });
  });
  const socket = await eventually('Firefox listens', () => dial(port), 40000);
  const marionette = new Marionette(socket);
  t.after(() => socket.destroy());
  await marionette.command('WebDriver:NewSession', {});
  await marionette.command('WebDriver:SetTimeouts', { script: 40000 });
  return marionette;
}
