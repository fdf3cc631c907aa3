// SPDX-License-Identifier: Apache-2.0
// Signing in and out, and what each role may open.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { startChromium } from '../lib/browsers.mjs';
import { scenario, startCall, startRelay } from '../lib/call.mjs';
import { PROGRAMS } from '../lib/daemons.mjs';
import { openListed, signedIn, untilLive, untilText } from '../lib/pages.mjs';

const PASSWORD = 'correct horse battery';

/**
 * @param {import('../lib/daemons.mjs').Relay} relay
 * @param {string} name
 */
async function addWithPassword(relay, name) {
  const cli = spawn(PROGRAMS.cli, ['--folder', relay.store, 'user', 'add',
    name, '--role', 'clinician'], { stdio: ['pipe', 'ignore', 'inherit'] });
  cli.stdin.end(`${PASSWORD}\n`);
  const [status] = await once(cli, 'exit');
  assert.equal(status, 0);
}

/**
 * Fills the form in by keyboard alone: the name has the focus already.
 * @param {import('playwright-core').Page} page
 * @param {string} name
 * @param {string} password
 */
async function type(page, name, password) {
  await page.waitForSelector('#name:focus');
  await page.keyboard.type(name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
}

scenario('A wrong password is refused in a sentence, and guessing is slowed',
  async (t) => {
    const relay = await startRelay(t);
    await addWithPassword(relay, 'nurse');
    const page = await (await startChromium(t)).newPage();
    // The page that was asked for comes after signing in.
    await page.goto(`${relay.loopback}/#/recordings`);
    await type(page, 'nurse', 'wrong');
    await untilText(page, '.problem', /^Name or password is wrong\.$/);
    assert.equal(await page.inputValue('#password'), '');
    assert.equal(await page.evaluate(() => document.activeElement?.id),
      'password');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await untilText(page, 'h1', /^Recordings$/);
    assert.equal(await page.innerText('#who'), 'nurse');

    await page.click('#sign-out');
    await page.waitForSelector('#name');
    assert.equal(await page.isVisible('nav'), false);
    assert.equal(await page.innerText('#who'), '');
    const { status } = await page.request.get(`${relay.loopback}/api/calls`)
      .then((response) => ({ status: response.status() }));
    assert.equal(status, 401);

    await page.fill('#name', 'nurse');
    for (let i = 0; i < 6; i++) {
      await page.fill('#password', `guess ${i}`);
      const [response] = await Promise.all([
        page.waitForResponse(/sign-in/), page.keyboard.press('Enter')]);
      if (response.status() === 429) break;
      assert.equal(response.status(), 401);
      await page.waitForSelector('button:not(:disabled)[type=submit]');
    }
    await untilText(page, '.problem',
      /^Too many tries; wait \d+ s and try again\.$/);
  });

scenario('A one-time code signs in once, and says what to do the second time',
  async (t) => {
    const relay = await startRelay(t);
    const browser = await startChromium(t);
    const code = await relay.person('nurse', 'clinician');
    const page = await browser.newPage();
    await page.goto(`${relay.loopback}/#code=${code}`);
    await untilText(page, 'h1', /^Calls now$/);
    assert.doesNotMatch(page.url(), /code/);
    await page.click('#sign-out');
    await page.waitForSelector('#name');
    await page.goto('about:blank');
    await page.goto(`${relay.loopback}/#code=${code}`);
    await untilText(page, '.problem', /used or expired; ask for a new one/);
    await page.waitForSelector('#name');
    assert.doesNotMatch(page.url(), /code/);
  });

scenario('A session that ends leaves nothing of the call in sight',
  async (t) => {
    const relay = await startRelay(t);
    await startCall(t, relay);
    const browser = await startChromium(t);
    const page = await signedIn(browser, relay);
    await openListed(page);
    await untilLive(page);
    const call = page.url();
    await browser.clearCookies();
    await page.waitForSelector('#name', { timeout: 15000 });
    assert.equal(await page.locator('video').count(), 0);
    await untilText(page, '.problem', /signed out/i);

    // Signing in leads back to the call.
    await page.evaluate(async (code) => fetch('/api/sign-in', {
      method: 'POST', body: JSON.stringify({ code }),
      headers: { 'Content-Type': 'application/json' },
    }), await relay.code('nurse'));
    await page.reload();
    await untilLive(page);
    assert.equal(page.url(), call);

    // The same when the operator locks the person out.
    await relay.cli('user', 'disable', 'nurse');
    await page.waitForSelector('#name', { timeout: 20000 });
    assert.equal(await page.locator('video').count(), 0);
  });

scenario('The audit is for IT alone, and says who did what', async (t) => {
  const relay = await startRelay(t);
  const browser = await startChromium(t);
  const page = await signedIn(browser, relay, 'clinician', 'nurse');
  assert.equal(await page.isVisible('#nav-audit'), false);
  await page.goto(`${relay.loopback}/#/audit`);
  await untilText(page, 'main [role=alert]', /\bIT\b/);
  assert.equal(await page.locator('main table').count(), 0);
  await page.click('#sign-out');
  await page.waitForSelector('#name');
  await page.close();

  const it = await signedIn(browser, relay, 'it', 'governance');
  await it.click('#nav-audit');
  await untilText(it, 'td', /^nurse$/);
  assert.match(await it.innerText('main table'), /sign-in[\s\S]*nurse/i);
});
