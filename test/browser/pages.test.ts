import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunningBridge } from '../helpers/process.ts';
import { OPERATOR, runBridge } from '../helpers/process.ts';
import { Browser, hasBrowser, seriousFindings } from './browser.ts';

const UNA = { plexichat_id: '175928847299117063', matrix_id: '@una:localhost', display_name: 'Una' };
const MAX = { plexichat_id: '175928847299117064', display_name: 'Max' };
/** What Swagger UI would like to set, and our policy does not let it: it looks the same without. */
const DOCS_STYLE = /^Applying inline style violates/;
/** A second, and what a browser on a busy machine needs besides to be asked. */
const WITHIN_MS = 1000;

let data: string;
let bridge: RunningBridge;
let browser: Browser;
let una: { id: string; token: string };
let max: { id: string; token: string };

async function makePerson(body: object): Promise<{ id: string; token: string }> {
  const { body: person } = await bridge.call('POST', '/bridge/v1/people', OPERATOR, body);
  const path = `/bridge/v1/people/${person.id}/tokens`;
  const issued = await bridge.call('POST', path, OPERATOR, { network: 'plexichat' });
  return { id: person.id, token: issued.body.token };
}

function be(mode: string, who = una, more: object = {}) {
  return bridge.call('PUT', '/bridge/v1/me/mode', who.token, { mode, ...more });
}

async function signedIn(hash = ''): Promise<Page> {
  const page = await browser.open(`${bridge.url}/bridge/`);
  await page.getByLabel('Operator token').or(page.locator('header')).first().waitFor();
  if (await page.getByLabel('Operator token').isVisible()) {
    await page.getByLabel('Operator token').fill(OPERATOR);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }
  await page.locator('.live[data-live=true]').waitFor();
  if (hash !== '') await page.goto(`${bridge.url}/bridge/${hash}`);
  return page;
}

async function asUser(token = una.token): Promise<Page> {
  const page = await browser.open(`${bridge.url}/bridge/me`);
  await page.getByLabel('Your token').fill(token);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'How you are' }).waitFor();
  return page;
}

/** Goes on with Tab until the focus is on what has this text. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const { activeElement: at } = (globalThis as any).document;
      return at.textContent.trim() || at.labels?.[0]?.textContent.trim() || '';
    });
    if (focused === text) return;
  }
  throw new Error(`no way to “${text}” by the keyboard`);
}

const heading = (page: Page) =>
  page.evaluate(() => {
    const { activeElement: at } = (globalThis as any).document;
    return `${at.tagName} ${at.textContent}`;
  });

describe.skipIf(!hasBrowser())('the pages in a browser', () => {
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'plexibridge-pages-'));
    bridge = await runBridge(data, { PLEXIBRIDGE__LIMITS__FAILED_AUTH__BURST: '1000' });
    una = await makePerson(UNA);
    max = await makePerson(MAX);
    browser = await Browser.start();
  });
  afterAll(async () => {
    await browser.close();
    await bridge.end('SIGTERM');
    await rm(data, { recursive: true, force: true });
  });
  afterEach(async () => {
    const complaints = browser.complaints.splice(0).filter((text) => !DOCS_STYLE.test(text));
    const elsewhere = browser.asked
      .splice(0)
      .filter((url) => !/^(data|blob):/.test(url) && !url.startsWith(bridge.url));
    expect(elsewhere, 'asked of another host').toEqual([]);
    // The browser itself complains of a 401, which is how the page learns that nobody is signed in.
    expect(
      complaints.filter((text) => !text.includes('401')),
      'complaints of the pages',
    ).toEqual([]);
    for (const page of browser.context.pages().slice(1)) await page.close();
  });

  it('an operator signs in, finds her way and signs out, by the keyboard alone', async () => {
    await browser.context.clearCookies();
    const page = await browser.open(`${bridge.url}/bridge/`);
    await page.getByLabel('Operator token').waitFor();
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('This is not the operator token.').waitFor();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type(OPERATOR);
    await page.keyboard.press('Enter');
    await page.locator('.live[data-live=true]').waitFor();

    await page.getByRole('heading', { name: 'Overview', exact: true }).waitFor();
    await expect.poll(() => heading(page)).toBe('H1 Overview');
    await tabTo(page, 'Skip to the content');
    await page.keyboard.press('Enter');
    await expect.poll(() => heading(page)).toBe('H1 Overview');

    await tabTo(page, 'People');
    await page.keyboard.press('Enter');
    await expect.poll(() => heading(page)).toBe('H1 People');
    await tabTo(page, 'Name or any id');
    await page.keyboard.type('una');
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('1 person found for “una”').waitFor();
    await tabTo(page, 'Una');
    await page.keyboard.press('Enter');
    await expect.poll(() => heading(page)).toBe('H1 Una');
    await tabTo(page, 'Audit log');
    await page.keyboard.press('Enter');
    await expect.poll(() => heading(page)).toBe('H1 Audit log');
    await page.getByRole('table').getByText('person.create').first().waitFor();

    await page.reload();
    await page.locator('.live[data-live=true]').waitFor();
    await tabTo(page, 'Sign out');
    await page.keyboard.press('Enter');
    await page.getByLabel('Operator token').waitFor();
    await page.reload();
    await page.getByLabel('Operator token').waitFor();
  });

  it('a change is shown within a second', async () => {
    await be('online');
    const page = await signedIn();
    await page.locator('[data-count=online]').getByText('1', { exact: true }).waitFor();
    const dnd = page.locator('[data-count=dnd]').getByText('1', { exact: true });
    const [begun] = [performance.now(), await be('dnd')];
    await dnd.waitFor();
    expect(performance.now() - begun).toBeLessThan(WITHIN_MS);

    const person = await signedIn(`#/people/${una.id}`);
    await person.locator('.big .mode[data-mode=dnd]').waitFor();
    const idle = person.locator('.big .mode[data-mode=idle]');
    const [again] = [performance.now(), await be('idle')];
    await idle.waitFor();
    expect(performance.now() - again).toBeLessThan(WITHIN_MS);
  });

  it('whoever is invisible is offline here, too, unless a reason is kept', async () => {
    await be('online', una, { text: 'seen' });
    await be('invisible', una, { text: 'hidden' });
    const page = await signedIn(`#/people/${una.id}`);
    await page.locator('.big .mode[data-mode=offline]').waitFor();
    expect(await page.locator('main').innerText()).not.toContain('hidden');
    await page.getByLabel('Reason').fill('she asked why nobody sees her');
    await page.getByRole('button', { name: 'See more' }).click();
    await page.locator('.big .mode[data-mode=invisible]').waitFor();
    expect(await page.locator('main').innerText()).toContain('hidden');
    await page.getByRole('link', { name: 'Audit log', exact: true }).click();
    await page.getByRole('table').getByText('she asked why nobody sees her').waitFor();
  });

  it('a user says how she is, until when, and who may see her', async () => {
    const page = await asUser();
    await page.getByRole('radio', { name: 'Do not disturb' }).check();
    await page.getByLabel('Status text').fill('focus');
    await page.getByLabel('How long').selectOption('for 30 minutes');
    await page.getByRole('button', { name: 'Say so' }).click();
    await page.locator('.big .mode[data-mode=dnd]').waitFor();
    await page.getByRole('status').getByText('You are now what you chose.').waitFor();
    const { body } = await bridge.call('GET', '/bridge/v1/me/mode', una.token);
    expect([body.mode, body.text, Math.round((body.until - Date.now()) / 60_000)]).toEqual([
      'dnd',
      'focus',
      30,
    ]);

    await page.getByLabel('How long').selectOption('until …');
    await page.getByLabel('Time of day').fill('17:00');
    await page.getByRole('button', { name: 'Say so' }).click();
    await expect
      .poll(async () =>
        new Date((await bridge.call('GET', '/bridge/v1/me/mode', una.token)).body.until).getHours(),
      )
      .toBe(17);

    await page.getByRole('radio', { name: 'My contacts' }).check();
    await page.getByRole('status').getByText('Seen by: My contacts.').waitFor();
    expect((await bridge.call('GET', '/bridge/v1/me', una.token)).body.visibility).toBe('contacts');
  });

  it('a user keeps contacts and blocks', async () => {
    const page = await asUser();
    await page.getByLabel('Add by any id').fill(MAX.plexichat_id);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Drop Max' }).waitFor();
    await page.getByLabel('Block by any id').fill(MAX.plexichat_id);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Unblock Max' }).click();
    await page.getByRole('status').getByText('Max is not blocked any more.').waitFor();
    await page.getByRole('button', { name: 'Drop Max' }).click();
    await page.getByText('Nobody whom you may see.').waitFor();
    await page.getByLabel('Add by any id').fill('x');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('not an id of any network').waitFor();
    browser.complaints.length = 0; // the browser says so of the 400
  });

  it('a user links her accounts', async () => {
    const alone = await makePerson({ plexichat_id: '175928847299117065' });
    const { body: other } = await bridge.call('POST', '/bridge/v1/people', OPERATOR, {
      matrix_id: '@zoe:localhost',
    });
    const path = `/bridge/v1/people/${other.id}/tokens`;
    const { body } = await bridge.call('POST', path, OPERATOR, { network: 'matrix' });
    const page = await asUser(alone.token);
    await page.getByText('Link an account of the other network').click();
    await page.getByLabel('Your token on plexichat').fill(alone.token);
    await page.getByLabel('Your token on matrix').fill(body.token);
    await page.getByRole('button', { name: 'Link', exact: true }).click();
    await page.getByRole('status').getByText('Your accounts are one person now.').waitFor();
    await page.locator('.id').getByText('@zoe:localhost').waitFor();
  });

  it('her token is gone with the page', async () => {
    await browser.context.clearCookies();
    const page = await asUser();
    const kept = await page.evaluate(() => {
      const { localStorage, sessionStorage } = globalThis as any;
      return [localStorage.length, sessionStorage.length];
    });
    expect([...kept, (await browser.context.cookies()).length]).toEqual([0, 0, 0]);
    expect(page.url()).not.toContain(una.token);
    await page.reload();
    await page.getByLabel('Your token').waitFor();
  });

  it('the documents of every API can be read', async () => {
    const page = await browser.open(`${bridge.url}/bridge/docs`);
    for (const [name, title] of [
      ['plexichat', 'Plexichat API of plexibridge'],
      ['matrix', 'Matrix client API of plexibridge'],
      ['bridge', 'plexibridge'],
    ] as const) {
      await page.locator('select#select').selectOption({ label: name });
      await page.locator('.title').getByText(title, { exact: false }).first().waitFor();
      await page.locator('.opblock').first().waitFor();
    }
  });

  it.each(['light', 'dark'] as const)(
    'axe-core finds nothing serious on any page in %s',
    async (colorScheme) => {
      await be('dnd', max, { text: 'focus' });
      await be('online', una, { text: 'here', expires_in: 600 });
      await bridge.call('PUT', `/bridge/v1/me/contacts/${MAX.plexichat_id}`, una.token);
      await bridge.call('POST', '/bridge/v1/links', OPERATOR, {
        plexichat_id: '1',
        matrix_id: '@nobody:localhost',
      });
      const grounds: string[] = [];
      const look = async (name: string, page: Page): Promise<void> => {
        await page.emulateMedia({ colorScheme });
        expect([name, await seriousFindings(page)]).toEqual([name, []]);
        grounds.push(
          await page.evaluate(() => {
            const { document, getComputedStyle } = globalThis as any;
            return getComputedStyle(document.body).backgroundColor;
          }),
        );
      };
      await browser.context.clearCookies();
      const door = await browser.open(`${bridge.url}/bridge/`);
      await door.getByLabel('Operator token').waitFor();
      await look('sign-in', door);
      const page = await signedIn();
      await page.locator('.chart canvas').waitFor();
      await page.getByText('The same as a table').click();
      await look('overview', page);
      for (const [hash, ready] of [
        ['#/people', 'table'],
        [`#/people/${una.id}`, '.big .mode'],
        ['#/audit', 'table'],
      ] as const) {
        await page.goto(`${bridge.url}/bridge/${hash}`);
        await page.locator(ready).first().waitFor();
        await look(hash, page);
      }
      const own = await browser.open(`${bridge.url}/bridge/me`);
      await own.getByLabel('Your token').waitFor();
      await look('own, at the door', own);
      await look('own', await asUser());
      expect(new Set(grounds)).toEqual(
        new Set([colorScheme === 'light' ? 'rgb(245, 246, 248)' : 'rgb(15, 18, 22)']),
      );
    },
  );
});
