/** Every page and every act in a real browser: at each width and in both schemes, by keyboard, with scripts and without. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AXE, type BrowserPage, launchBrowser, type RealBrowser, reasonWithout } from './browser.ts';
import { type RunningApp, startTroubledApp } from './running-app.ts';

const PLACES = ['', 'services', 'deployments', 'events', 'errors', 'audit', 'automation'];
const ABOUT = ['services/web', 'services/search', 'deployments/default/shop/search', 'deployments/default/shop/web'];

describe.skipIf(reasonWithout !== undefined)(
  `the pages in a browser${reasonWithout ? ` (${reasonWithout})` : ''}`,
  () => {
    let app: RunningApp;
    let browser: RealBrowser;

    beforeAll(async () => {
      [app, browser] = await Promise.all([startTroubledApp(), launchBrowser()]);
    }, 120_000);
    afterAll(async () => {
      await browser?.close();
      await app?.stop();
    });

    /** A page on which nothing goes wrong, or the test fails. */
    async function open(address: string): Promise<BrowserPage> {
      const page = await browser.newPage();
      page.on('pageerror', (error) => expect.fail(`${address}: ${error.message}`));
      page.on('console', (message) => {
        if (message.type() === 'error') expect.fail(`${address}: ${message.text()}`);
      });
      const answer = await page.goto(address === '' ? app.pages : `${app.pages}/${address}`);
      expect(answer?.status()).toBe(200);
      return page;
    }

    /** What axe finds: the rules, and where. */
    async function violationsOn(page: BrowserPage): Promise<string[]> {
      await page.evaluate(readFileSync(AXE, 'utf8'));
      return page.evaluate<string[]>(
        `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ': ' + node.html.slice(0, 200))))`,
      );
    }

    async function chain(): Promise<string> {
      const page = await open('deployments/default/shop/search');
      const href = await page.evaluate<string>(`document.querySelector('a[href*="chain?id="]').getAttribute('href')`);
      await page.close();
      return href.replace('/api/dashboard/', '');
    }

    it.each([...PLACES, ...ABOUT, 'chain', 'error', 'missing'])(
      'fits every width, in both schemes, and axe finds nothing on: %s',
      { timeout: 60_000 },
      async (place) => {
        const address =
          place === 'chain' ? await chain() : place === 'error' ? `errors/${await app.anyError()}` : place;
        const page = place === 'missing' ? await browser.newPage() : await open(address);
        if (place === 'missing') await page.goto(`${app.pages}/nowhere`);

        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          for (const width of [360, 768, 1_280, 2_560]) {
            await page.setViewportSize({ width, height: 900 });
            const tooWide = await page.evaluate<string[]>(
              `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 150))`,
            );
            expect(tooWide, `at ${width} px`).toEqual([]);
            if (width === 360 || width === 1_280)
              expect(await violationsOn(page), `${colorScheme}, ${width} px`).toEqual([]);
          }
        }
        await page.close();
      },
    );

    it('squeezes no column: every cell has room for a word or two', async () => {
      for (const width of [360, 768, 1_280, 2_560]) {
        for (const place of ['', 'deployments', 'errors', 'events']) {
          const page = await open(place);
          await page.setViewportSize({ width, height: 900 });
          const narrow = await page.evaluate<string[]>(
            `[...document.querySelectorAll('td.wide > div')].filter((one) => one.offsetParent && one.clientWidth < 150).map((one) => one.textContent)`,
          );
          expect(narrow, `${place} at ${width} px`).toEqual([]);
          await page.close();
        }
      }
    }, 60_000);

    it('leads from the link of a page to the cause and the act in three clicks', async () => {
      const page = await browser.newPage();
      const begun = performance.now();

      // The first click: what was weighed, and the freeze with what ends it.
      await page.goto(app.linkIn(/burns its error budget|page/i));
      expect(await page.textContent('main')).toMatch(/No release is let through since.*What was weighed for the page/s);
      // The second: the release that was refused, and why.
      await page.click('section[aria-labelledby="changes"] a');
      await page.waitForURL(/deployments\/default\/shop\/web/);
      expect(await page.textContent('section[aria-labelledby="why"]')).toMatch(/It was refused.*Frozen/s);
      // The third: the act.
      await page.fill('form.act input[name=reason]', 'tried by a test');
      const acts = await app.actsOf('override');
      await page.click('form.act button');
      await page.waitForURL(/done=override/);

      expect(await app.actsOf('override')).toBe(acts + 1);
      console.log(`from a page's link to the act: ${(performance.now() - begun).toFixed(0)} ms`);
      await page.close();
    });

    it('leads from the link of a rollback to the cause in one click, and to what can be done', async () => {
      const page = await browser.newPage();

      await page.goto(app.linkIn(/search.*(failed|rolled back|DeadlineExceeded)/is));

      expect(await page.textContent('section[aria-labelledby="why"]')).toMatch(/Rollout.*DeadlineExceeded.*Rollback/s);
      expect(await page.textContent('section[aria-labelledby="act"]')).toMatch(/Roll back/);
      await page.close();
    });

    it('can be walked by keyboard, from the skip link on, and shows where one is', async () => {
      const page = await open('');

      await page.keyboard.press('Tab');
      const first = await page.evaluate<string>(`document.activeElement.textContent`);
      await page.keyboard.press('Enter');
      const main = await page.evaluate<string>(`document.activeElement.id`);
      await page.keyboard.press('Tab');
      const outline = await page.evaluate<string>(`getComputedStyle(document.activeElement).outlineStyle`);

      expect([first, main, outline]).toEqual(['Skip to the content', 'main', 'solid']);
      await page.close();
    });

    it('takes what is new in its place, and not while it is paused or somebody writes', async () => {
      const page = await open('automation');
      const mark = `document.body.dataset.mark = 'same document'`;
      await page.evaluate(mark);
      const before = await page.textContent('.live .shown');
      const update = `document.dispatchEvent(new Event('visibilitychange'))`;
      const later = `document.querySelector('.live .shown').textContent !== ${JSON.stringify(before)}`;
      const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_200));

      await page.fill('input[name=reason]', 'I am writing');
      await wait();
      await page.evaluate(update);
      await wait();
      expect(await page.textContent('.live .shown')).toBe(before);

      await page.fill('input[name=reason]', '');
      await page.click('.live button');
      await page.evaluate(update);
      await wait();
      expect(await page.textContent('.live .shown')).toBe(before);
      expect(await page.evaluate(`document.querySelector('.live button').getAttribute('aria-pressed')`)).toBe('true');

      await page.click('.live button');
      await page.waitForFunction(later, undefined, { timeout: 15_000 });
      expect(await page.evaluate(`document.body.dataset.mark`)).toBe('same document');
      await page.close();
    }, 30_000);

    it('refuses the form of another page, whatever the browser is signed in to', async () => {
      const form = `<form method="post" action="${app.pages}/automation"><input name="act" value="pause"><input name="reason" value="x"></form>`;
      const other = createServer((_, response) => {
        response
          .writeHead(200, { 'content-type': 'text/html' })
          .end(`${form}<script>document.forms[0].submit()</script>`);
      });
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const { port } = other.address() as AddressInfo;
      const page = await browser.newPage();

      await page.goto(`http://127.0.0.1:${port}/`);
      await page.waitForURL(/api\/dashboard\/automation/);

      expect(await page.content()).not.toContain('Automation is paused');
      expect(await app.actsOf('pause')).toBe(0);
      await page.close();
      other.close();
    });

    describe.each([true, false])('with scripts: %s', (javaScriptEnabled) => {
      const ACTS: [right: string, place: string | undefined, button: string, done: RegExp][] = [
        ['replay', undefined, 'Replay', /Replayed|Not done.*not replayed/s],
        ['discard', undefined, 'Discard', /Discarded/],
        ['pause', 'automation', 'Pause automation', /Automation is paused by/],
        ['pause', 'automation', 'Resume automation', /Automation acts again/],
      ];

      it.each(ACTS)('a person can %s, and the audit log has it', async (right, place, button, done) => {
        const context = await browser.newContext({ javaScriptEnabled });
        const page = await context.newPage();
        const before = await app.actsOf(right);
        await page.goto(`${app.pages}/${place ?? `errors/${await app.anyError()}`}`);
        const form = `form.act:has(button:text-is("${button}"))`;

        await page.fill(`${form} input[name=reason]`, 'tried by a test');
        await page.click(`${form} button`);

        await page.waitForURL(/done=|errors\/d?\d+/);
        expect(await page.textContent('main')).toMatch(done);
        expect(await app.actsOf(right)).toBeGreaterThan(before);
        await page.close();
      });

      it('the filters and every link of the navigation lead to a page', async () => {
        const context = await browser.newContext({ javaScriptEnabled });
        const page = await context.newPage();
        await page.goto(app.pages);
        for (const name of ['Services', 'Deployments', 'Errors', 'Events', 'Audit', 'Automation', 'Overview']) {
          await page.click(`nav a:text-is("${name}")`);
          expect(await page.textContent('nav a[aria-current=page]')).toBe(name);
        }
        await page.click('nav a:text-is("Deployments")');
        await page.fill('input[name=q]', 'default/shop/se');
        await page.keyboard.press('Enter');
        await page.waitForURL(/q=default/);
        expect(await page.textContent('main table')).toContain('search');
        expect(await page.textContent('main table')).not.toContain('default/shop/web');
        await page.close();
      });
    });

    it.each([
      [
        'override',
        'services/web',
        'Let one release through',
        /Granted: .*Let through all the same:.*one release until/s,
      ],
      ['rollback', 'deployments/default/shop/api', 'Roll back', /The rollback is asked for/],
    ])('a person can %s from the page %s', async (right, place, button, done) => {
      const page = await open(place);
      const form = `form.act:has(button:text-is("${button}"))`;
      const acts = await app.actsOf(right);

      await page.fill(`${form} input[name=reason]`, 'tried by a test');
      await page.click(`${form} button`);

      await page.waitForURL(/done=/);
      expect(await page.textContent('main')).toMatch(done);
      expect(await app.actsOf(right)).toBe(acts + 1);
      await page.close();
    });

    it('a person can unfreeze, and then the service takes releases', async () => {
      const page = await open('services/web');

      await page.fill('form.act input[name=reason]', 'tried by a test');
      await page.keyboard.press('Enter');
      await page.waitForURL(/done=unfreeze/);

      expect(await page.textContent('main')).toContain('The service takes releases again.');
      expect(await app.actsOf('unfreeze')).toBe(1);
      await page.close();
    });
  },
);
