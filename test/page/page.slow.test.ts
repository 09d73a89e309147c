import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, startChromium } from '../../bench/browser/chromium.ts';
import { type Worker as StartedWorker, startWorker } from '../../cli/start-worker.ts';

const chromium = findChromium();
const why = chromium ? '' : ': SKIPPED, there is no Chromium on the PATH or in the variable CHROMIUM';
const LIMIT_MS = 180_000;

/**
 * The page of a real worker in a real browser. What a test finds on it, a user sees. The model is one that an attack gets through, so that both
 * outcomes are seen.
 */
describe.skipIf(!chromium)(`the page${why}`, { timeout: LIMIT_MS }, () => {
  let worker: StartedWorker;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];
  const requested = new Set<string>();

  const open = async (options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> => {
    const opened = await browser.newPage(options);
    opened.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    opened.on('pageerror', ({ message }) => problems.push(message));
    opened.on('request', (request) => requested.add(new URL(request.url()).origin));
    await opened.goto(worker.url);
    await answered(opened);
    return opened;
  };
  /** Waits until the worker's verdict stands beside the page's. */
  const answered = (on: Page) => on.waitForFunction(() => / ms$/.test(document.getElementById('worker-time')?.textContent ?? ''));
  const textOf = async (id: string) => (await page.locator(`#${id}`).textContent()) ?? '';
  /** Does something that gives another image, and returns both answers to it. */
  const answersTo = async (act: () => Promise<unknown>): Promise<[page: string, worker: string]> => {
    await page.evaluate(() => {
      (document.getElementById('worker-time') as HTMLElement).textContent = '';
    });
    await act();
    await answered(page);
    return [await textOf('page-answer'), await textOf('worker-answer')];
  };
  const sample = (name: string) => page.getByRole('button', { name: `Sample: ${name}`, exact: true });
  const violations = async (on: Page) => {
    const results = await on.evaluate(`(() => { ${axe.source}; return axe.run(); })()`);
    return (results as { violations: { id: string; nodes: { html: string }[] }[] }).violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`,
    );
  };

  beforeAll(async () => {
    worker = await startWorker('mnist-paper', {});
    browser = await startChromium(false);
    page = await open();
    page.setDefaultTimeout(LIMIT_MS / 2);
  }, LIMIT_MS);
  afterAll(async () => {
    await browser?.close();
    await worker?.close();
  });

  it('speaks of the loaded model', async () => {
    expect(await textOf('hint')).toContain('This model knows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9.');
    await page.getByText('28 x 28 pixels, grey').waitFor();
  });

  it('answers as the worker does on every sample: digits are accepted as what they are, all else is rejected', async () => {
    const names = await page.getByRole('button', { name: /^Sample: / }).evaluateAll((all) => all.map((one) => one.ariaLabel ?? ''));
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) {
      const answers = await answersTo(() => page.getByRole('button', { name, exact: true }).click());
      expect([name, answers[0]]).toEqual([name, answers[1]]);
      const [, digit] = /^Sample: (\d)$/.exec(name) ?? [];
      if (digit) expect(answers[0]).toBe(`accepted as ${digit}`);
      else if (!/attacked/.test(name)) expect([name, answers[0]]).toEqual([name, 'rejected']);
      expect(await textOf('agreement')).toMatch(/^They agree/);
    }
  });

  it('reads a file as the worker does, and says why one can not be read', async () => {
    const choose = (file: string) => page.locator('#file').setInputFiles(file);
    expect(await answersTo(() => choose('test/samples/digit-7-a.png'))).toEqual(['accepted as 7', 'accepted as 7']);
    expect(await answersTo(() => choose('test/samples/turned.jpg'))).toEqual(['rejected', 'rejected']);
    await choose('README.md');
    await page.getByText('The file is of an unknown kind').waitFor();
    expect(await textOf('page-answer')).toBe('not read');
  });

  it('takes a drawing', async () => {
    await page.getByRole('button', { name: 'Clear' }).click();
    // The mouse reaches what is in view.
    await page.locator('#pad').scrollIntoViewIfNeeded();
    const box = await page.locator('#pad').boundingBox();
    if (!box) throw new Error('the pad is not shown');
    await page.mouse.move(box.x + 0.55 * box.width, box.y + 0.2 * box.height);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.45 * box.width, box.y + 0.8 * box.height, { steps: 8 });
    await page.mouse.up();
    // While it is drawn, parts of it are screened.
    for (const id of ['page-answer', 'worker-answer']) await page.locator(`#${id}`, { hasText: 'accepted as 1' }).waitFor();
  });

  it('shows which attacks are caught: FGSM is, and one that knows both tests is not', async () => {
    await sample('7').click();
    await page.getByRole('radio', { name: /^FGSM/ }).check();
    const outcomes = (outcome: string) => page.locator(`#strip .${outcome}`).count();
    const surveyed = () => page.getByText(/^With this attack, the image is .*30 %\.$/).waitFor();
    await surveyed();
    expect([await outcomes('fooled'), (await outcomes('caught')) > 3]).toEqual([0, true]);
    await page.getByRole('slider').fill('30');
    await page.getByText(/^30 %: caught/).waitFor();
    await page.getByText(/^(Reclassified as|Still rejected)/).waitFor();
    expect(await page.locator('#explanations li').count()).toBe(10);
    await page.getByRole('radio', { name: /Adaptive PGD/ }).check();
    await page.getByText(/^30 %: not noticed \(accepted as \d\)/).waitFor();
    expect(await textOf('verdict')).toContain('it is really 7');
    await surveyed();
    expect(await outcomes('fooled')).toBeGreaterThan(2);
  });

  it('says of an accepted image what a search finds, and neither that it is reclassified nor that it is rejected', async () => {
    await answersTo(() => sample('0').click());
    await page.getByRole('button', { name: 'Search the classes' }).click();
    await page.getByText(/^(The search finds 0|0 explains it best).* this image was accepted\.$/).waitFor();
  });

  it('can be used with the keyboard alone', async () => {
    await page.locator('#choose').focus();
    for (let i = 0; i < 12 && !(await sample('0').evaluate((one) => one === document.activeElement)); i++) await page.keyboard.press('Tab');
    const answers = await answersTo(() => page.keyboard.press('Enter'));
    expect(answers).toEqual(['accepted as 0', 'accepted as 0']);
    await page.getByRole('slider').focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText('1 %:').waitFor();
  });

  it.each(['light', 'dark'] as const)('has nothing that axe finds, %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page)).toEqual([]);
  });

  it('fits a phone of 360 px', async () => {
    const phone = await open({ viewport: { width: 360, height: 740 } });
    expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    expect(await violations(phone)).toEqual([]);
    await phone.close();
  });

  it('asks nobody but its own worker, and breaks no rule of its policy', () => {
    expect([...requested]).toEqual([worker.url]);
    expect(problems).toEqual([]);
  });
});
