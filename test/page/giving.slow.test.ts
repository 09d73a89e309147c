import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, startChromium } from '../../bench/browser/chromium.ts';
import { startWorker, type Worker } from '../../cli/start-worker.ts';

const chromium = findChromium();
const why = chromium ? '' : ': SKIPPED, there is no Chromium on the PATH or in the variable CHROMIUM';
const LIMIT_MS = 180_000;
const FAKE_CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

/** Whatever a person gives to the page, it answers, says why it can't, and goes on. */
describe.skipIf(!chromium)(`ways to give an image to the page${why}`, { timeout: LIMIT_MS }, () => {
  let worker: Worker;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];

  const open = async (on: Browser, permissions: string[]): Promise<Page> => {
    const context = await on.newContext({ permissions });
    const opened = await context.newPage();
    opened.setDefaultTimeout(LIMIT_MS / 3);
    opened.on('pageerror', ({ message }) => errors.push(message));
    await opened.goto(worker.url);
    await answered(opened);
    return opened;
  };
  const answered = (on: Page) => on.waitForFunction(() => / ms$/.test(document.getElementById('worker-time')?.textContent ?? ''));
  const forget = (on: Page) =>
    on.evaluate(() => {
      for (const id of ['page-answer', 'worker-answer', 'worker-time']) (document.getElementById(id) as HTMLElement).textContent = '';
    });
  const textOf = async (id: string) => (await page.locator(`#${id}`).textContent()) ?? '';
  /** Does something that gives an image, and returns both answers to it. */
  const answersTo = async (act: () => Promise<unknown>) => {
    await forget(page);
    await act();
    await answered(page);
    return [await textOf('page-answer'), await textOf('worker-answer')];
  };
  const trouble = (on: Page) => on.locator('#trouble:not([hidden])');
  const choose = (name: string, buffer: Buffer) => page.locator('#file').setInputFiles({ name, mimeType: 'image/png', buffer });
  const sample = (on: Page, name: string) => on.getByRole('button', { name: `Sample: ${name}`, exact: true });

  beforeAll(async () => {
    worker = await startWorker('mnist-paper', {});
    browser = await startChromium(false, FAKE_CAMERA);
    page = await open(browser, ['clipboard-read', 'clipboard-write', 'camera']);
  }, LIMIT_MS);
  afterAll(async () => {
    await browser?.close();
    await worker?.close();
  });

  it('takes an image from the clipboard, by the button and by the keys, and says so if there is none', async () => {
    const copy = async (base64: string | null) => {
      await page.evaluate(async (png) => {
        const bytes = png && Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
        const blob = bytes ? new Blob([bytes], { type: 'image/png' }) : new Blob(['no image'], { type: 'text/plain' });
        await navigator.clipboard.write([new ClipboardItem({ [blob.type]: blob })]);
      }, base64);
    };
    await copy((await readFile('test/samples/digit-7-a.png')).toString('base64'));
    const paste = () => page.getByRole('button', { name: 'Paste' }).click();
    expect(await answersTo(paste)).toEqual(['accepted as 7', 'accepted as 7']);
    await copy((await readFile('test/samples/digit-3-a.png')).toString('base64'));
    expect(await answersTo(() => page.keyboard.press('Control+V'))).toEqual(['accepted as 3', 'accepted as 3']);
    await copy(null);
    await paste();
    await trouble(page).getByText('There is no image in the clipboard.').waitFor();
    await page.keyboard.press('Control+V');
    expect(await answersTo(() => sample(page, '0').click())).toEqual(['accepted as 0', 'accepted as 0']);
    expect(await trouble(page).count()).toBe(0);
  });

  it('takes a picture of the camera, and leaves it alone when it is not wanted', async () => {
    const camera = page.getByRole('button', { name: 'Camera' });
    await camera.click();
    const dialog = page.locator('dialog[open]');
    const before = await dialog.boundingBox();
    await page.waitForFunction(() => (document.getElementById('video') as HTMLVideoElement).videoWidth > 0);
    expect(await dialog.boundingBox()).toEqual(before);
    // A test picture with a clock is no digit.
    const answers = await answersTo(() => page.getByRole('button', { name: 'Take the picture' }).click());
    expect(answers).toEqual(['rejected', 'rejected']);
    await camera.click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.waitForFunction(() => (document.getElementById('video') as HTMLVideoElement).srcObject === null);
    // Left before the first picture comes, the button right after it in one go: that is no failure of the camera.
    await page.evaluate(() => {
      document.getElementById('shutter')?.addEventListener('toggle', () => document.getElementById('leave')?.click(), { once: true });
    });
    await camera.click();
    await camera.and(page.locator(':enabled')).waitFor();
    await dialog.waitFor({ state: 'detached' });
    expect(await trouble(page).count()).toBe(0);
  });

  it('says what to do where camera and clipboard are denied', async () => {
    const strict = await startChromium(false);
    try {
      const denied = await open(strict, []);
      await denied.getByRole('button', { name: 'Camera' }).click();
      await trouble(denied)
        .getByText(/^The camera can't be used: .*Allow it in the browser, or choose a file\.$/)
        .waitFor();
      await denied.getByRole('button', { name: 'Paste' }).click();
      await trouble(denied)
        .getByText(/^The clipboard can't be read: .*Allow it in the browser, or press Ctrl\+V\.$/)
        .waitFor();
      expect(await denied.locator('dialog[open]').count()).toBe(0);
    } finally {
      await strict.close();
    }
  });

  it('refuses a file that is empty, too large or no image by what is wrong with it, and shows nothing of the one before', async () => {
    const wide = await sharp({ create: { width: 9000, height: 300, channels: 3, background: 'white' } })
      .png()
      .toBuffer();
    const many = await sharp({ create: { width: 3000, height: 3000, channels: 3, background: 'white' } })
      .png()
      .toBuffer();
    for (const [name, file, said] of [
      ['empty.png', Buffer.alloc(0), /The file is empty/],
      ['long.png', Buffer.alloc(6 * 2 ** 20, 1), /The file has 6291456 bytes; at most 5242880 are allowed/],
      ['many.png', many, /3000 x 3000; at most 2097152 pixels are allowed/],
      ['wide.png', wide, /9000/],
      ['text.png', Buffer.from('no image at all'), /unknown kind/],
      ['cut.png', (await readFile('test/samples/digit-7-a.png')).subarray(0, 90), /cut off or damaged/],
    ] as const) {
      await sample(page, '0').click();
      await page.locator('#near-result', { hasText: 'Yes' }).waitFor();
      await choose(name, file);
      await page.locator('#verdict', { hasText: 'Not read' }).getByText(said).waitFor();
      expect([name, await textOf('page-answer'), await textOf('near-result'), await textOf('redrawn-result')]).toEqual([
        ...[name, 'not read', 'Not tested.', 'Not tested.'],
      ]);
    }
    expect(await answersTo(() => sample(page, '0').click())).toEqual(['accepted as 0', 'accepted as 0']);
  });

  it('survives a double click on everything', async () => {
    const controls = page.locator('main :is(button, input[type="radio"], input[type="range"], select, canvas)');
    for (const control of await controls.all()) {
      if (!(await control.isVisible()) || !(await control.isEnabled())) continue;
      await control.dblclick();
      // A second camera would stand in the way.
      await page.waitForFunction(() => !(document.getElementById('camera') as HTMLButtonElement).disabled);
      if (await page.locator('dialog[open]').count()) await page.keyboard.press('Escape');
    }
    expect(await page.locator('#trouble:not([hidden])', { hasText: 'The page failed' }).count()).toBe(0);
    expect(await answersTo(() => sample(page, '4').click())).toEqual(['accepted as 4', 'accepted as 4']);
    expect(errors).toEqual([]);
  });

  it('goes on without the worker, and says that it does not answer', async () => {
    await worker.close();
    await forget(page);
    await sample(page, '5').click();
    await page.locator('#page-answer', { hasText: 'accepted as 5' }).waitFor();
    await page.locator('#worker-answer', { hasText: 'The worker does not answer' }).waitFor();
    await page.getByLabel('This page runs the model on').selectOption('webgpu');
    await page.locator('#runtime-note', { hasText: /^It runs on the project’s own kernels, because: / }).waitFor();
    // The decoder of PNG came with the first such file; that of WebP did not.
    const webp = await sharp({ create: { width: 30, height: 30, channels: 3, background: 'white' } })
      .webp()
      .toBuffer();
    await choose('a.webp', webp);
    await trouble(page)
      .getByText(/the worker does not answer for .*WebP\.wasm/)
      .waitFor();
    await sample(page, '6').click();
    await page.locator('#page-answer', { hasText: 'accepted as 6' }).waitFor();
    expect(errors).toEqual([]);
  });
});
