// SPDX-License-Identifier: Apache-2.0
// The pages as people use them.

import assert from 'node:assert/strict';

/**
 * @typedef {import('playwright-core').Page} Page
 * @typedef {import('playwright-core').BrowserContext} BrowserContext
 * @typedef {import('./daemons.mjs').Relay} Relay
 */

/**
 * A page of a person who signs in by a one-time code.
 * @param {BrowserContext} browser
 * @param {Relay} relay
 * @param {'clinician' | 'it'} [role]
 * @param {string} [name]
 */
export async function signedIn(browser, relay, role = 'clinician',
  name = 'nurse') {
  const code = await relay.person(name, role);
  const page = await browser.newPage();
  await page.goto(`${relay.loopback}/#code=${code}`);
  await page.waitForSelector('#sign-out:not([hidden])');
  await page.waitForSelector('h1');
  return page;
}

/**
 * Opens the call of a unit from the list, as a click does.
 * @param {Page} page
 * @param {string} [unit]
 */
export async function openListed(page, unit = '') {
  await page.click(`.calls a:has-text("${unit}")`, { timeout: 20000 });
}

/**
 * The picture is live: no cover over it, and younger than a second.
 * @param {Page} page
 * @param {number} [ms]
 */
export async function untilLive(page, ms = 25000) {
  await page.waitForFunction(() => {
    const cover = /** @type {HTMLElement | null} */ (
      document.querySelector('.cover'));
    const age = Number.parseFloat(
      document.querySelector('output.age')?.textContent ?? '');
    return cover?.hidden && age < 1;
  }, null, { timeout: ms }).catch(async (error) => {
    throw new Error(`not live: ${error.message}\n${
      await page.innerText('main')}`);
  });
}

/**
 * The picture is covered, and the cover says this.
 * @param {Page} page
 * @param {RegExp} why
 * @param {number} [ms]
 */
export async function untilCovered(page, why, ms = 20000) {
  await page.waitForFunction((source) => {
    const cover = /** @type {HTMLElement | null} */ (
      document.querySelector('.cover'));
    return cover && !cover.hidden && cover.textContent?.startsWith('NOT LIVE')
      && new RegExp(source).test(cover.textContent);
  }, why.source, { timeout: ms }).catch(async (error) => {
    throw new Error(`not covered with ${why}: ${error.message}\n${
      await page.innerText('main')}`);
  });
}

/**
 * One of the facts below the picture says this.
 * @param {Page} page
 * @param {string} name such as "Sound"
 * @param {RegExp} what
 * @param {number} [ms]
 */
export async function untilFact(page, name, what, ms = 20000) {
  await page.waitForFunction(([term, source]) => {
    const dt = [...document.querySelectorAll('dt')].find(
      (element) => element.textContent === term);
    return new RegExp(source).test(dt?.nextElementSibling?.textContent ?? '');
  }, [name, what.source], { timeout: ms }).catch(async (error) => {
    throw new Error(`${name} is not ${what}: ${error.message}\n${
      await page.innerText('main')}`);
  });
}

/**
 * Waits until an element says this.
 * @param {Page} page
 * @param {string} selector
 * @param {RegExp} what
 * @param {number} [ms]
 */
export async function untilText(page, selector, what, ms = 20000) {
  await page.waitForFunction(([where, source]) =>
    [...document.querySelectorAll(where)].some((element) =>
      !(/** @type {HTMLElement} */ (element).hidden)
      && new RegExp(source).test(element.textContent ?? '')),
  [selector, what.source], { timeout: ms }).catch(async (error) => {
    throw new Error(`${selector} does not say ${what}: ${error.message}\n${
      await page.innerText('body')}`);
  });
}

/**
 * What the page is answered is another JSON from now on, until the function
 * that this returns has come back.
 * @param {Page} page
 * @param {string} pattern of URLs
 * @param {(json: any) => unknown} change
 */
export async function amend(page, pattern, change) {
  await page.route(pattern, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: change(await response.json()) });
  });
  // An answer that is under way belongs to the test that asked for it.
  return () => page.unrouteAll({ behavior: 'wait' });
}

/**
 * The crew hangs up.
 * @param {import('./daemons.mjs').Vehicle} vehicle
 */
export async function hangUp(vehicle) {
  const { status } = await fetch(`${vehicle.url}/hangup`, {
    method: 'POST', body: '{}',
    headers: { 'Content-Type': 'application/json' },
  });
  assert.equal(status, 202);
}
