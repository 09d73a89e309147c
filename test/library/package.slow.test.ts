import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, startChromium } from '../../bench/browser/chromium.ts';
import { browserSize } from '../../bench/library/size.ts';
import { startWorkerd } from '../../bench/workerd.ts';
import { buildPackage } from '../../library/build/build.ts';
import { withChecksums } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const SAMPLES = join(ROOT, 'test/samples');
const MODEL = join(ROOT, 'models/mnist');
const bin = (name: string) => join(ROOT, 'node_modules/.bin', name);

/** A folder of somebody else, into which npm installed the package and the examples were copied. */
let folder = '';
let packed = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-package-'));
  await buildPackage(join(folder, 'built'));
  const { stdout } = await run('npm', ['pack', './built', '--json', '--ignore-scripts'], { cwd: folder });
  packed = join(folder, JSON.parse(stdout)[0].filename);
  await cp(join(ROOT, 'examples'), join(folder, 'app'), { recursive: true });
  const npm = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--save-exact', packed];
  await run('npm', npm, { cwd: join(folder, 'app') });
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('has at most 1.5 MB, no install script, and no model', async () => {
    expect((await stat(packed)).size).toBeLessThanOrEqual(1.5e6);
    const installed = join(folder, 'app/node_modules/portcullis');
    const { scripts, dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
    expect(scripts).toBeUndefined();
    expect(await readFile(join(installed, 'README.md'), 'utf8')).not.toMatch(/\]\((?!https?:)/);
    expect(Object.keys(dependencies).filter((name) => /tensorflow|onnxruntime|sharp/.test(name))).toEqual([]);
    expect((await readdir(installed, { recursive: true })).filter((file) => /\.(onnx|bin)$/.test(file))).toEqual([]);
  });

  it('is at most 120 kB of a page that screens, with the kernels, after gzip, and none of that is for Node or a server', async () => {
    const { screen, decoders, modules } = await browserSize(join(folder, 'app/node_modules/portcullis'), join(folder, 'page'));
    expect(screen).toBeLessThanOrEqual(120);
    expect(Object.keys(decoders).sort()).toEqual(['libjpeg-turbo', 'libwebp', 'squoosh_png_bg']);
    expect(modules.filter((file) => /portcullis\/library\/browser\.js$/.test(file))).toHaveLength(1);
    expect(modules.filter((file) => /^node:|browser-external|\/portcullis\/(node|edge)\/|\/hono\/|onnxruntime/.test(file))).toEqual([]);
  });

  it('screens files in Node', async () => {
    const files = [join(SAMPLES, 'digit-7-a.png'), join(SAMPLES, 'turned.jpg'), join(SAMPLES, 'make.ts')];
    const { stdout } = await run(process.execPath, ['node/screen.js', MODEL, ...files], { cwd: join(folder, 'app') });
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toBe(`${files[0]} accepted 7`);
    expect(lines[1]).toContain('turned.jpg rejected ');
    expect(lines[2]).toContain('unreadable The file is of an unknown kind; only PNG, JPEG and WebP are read.');
  });

  it('lets only accepted images through to the handler of a Hono app', async () => {
    const app = spawn(process.execPath, ['hono/server.js'], {
      cwd: join(folder, 'app'),
      env: { ...process.env, PORT: '0', BUNDLE: MODEL },
    });
    try {
      const [line] = (await once(app.stdout, 'data')) as [Buffer];
      const url = /http\S+/.exec(String(line))?.[0] as string;
      const seven = await readFile(join(SAMPLES, 'digit-7-a.png'));
      const accepted = await post(`${url}/classify`, seven);
      expect(await accepted.json()).toEqual({ classes: ['7'], byteLength: seven.length });
      expect((await post(`${url}/classify`, await readFile(join(SAMPLES, 'turned.jpg')), 'image/jpeg')).status).toBe(422);
    } finally {
      app.kill();
    }
  });

  it('serves the whole API from Node', async () => {
    const args = ['node_modules/portcullis/library/serve.js', '--bundle', MODEL, '--port', '0'];
    const server = spawn(process.execPath, args, { cwd: join(folder, 'app') });
    try {
      const [line] = (await once(server.stderr, 'data')) as [Buffer];
      await checkApi(/http\S+/.exec(String(line))?.[0] as string);
    } finally {
      server.kill();
    }
  });

  it('is not served if it could only answer errors, or is not fit', async () => {
    const trial = join(folder, 'trial');
    await cp(MODEL, trial, { recursive: true });
    const screening = JSON.parse(await readFile(join(MODEL, 'screening.json'), 'utf8')) as Screening;
    await writeFile(join(trial, 'screening.json'), JSON.stringify(await withChecksums({ ...screening, trial: true })));
    const serve = (args: string[], env: object) =>
      run(process.execPath, ['node_modules/portcullis/library/serve.js', '--port', '0', ...args], {
        cwd: join(folder, 'app'),
        env: { ...process.env, ...env },
      });
    for (const [args, env, why] of [
      [['--bundle', MODEL], { KEYS: 'broken' }, /\nerror: Invalid worker configuration: .* at KEYS\. Fix it/],
      [['--bundle', MODEL, '--runtime', 'onnxruntime-node'], {}, /\nerror: .*npm install onnxruntime-node\. /],
      [
        ['--bundle', trial],
        {},
        /^error: model mnist is not fit, so it is not served:\n- It was trained .*\nChoose another, or give --force\.$/m,
      ],
    ] as const)
      await expect(serve([...args], env)).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(why) });
  });

  it('is a worker in another folder', async () => {
    const worker = join(folder, 'app/worker');
    await cp(MODEL, join(worker, 'model'), { recursive: true });
    await cp(join(MODEL, 'screening.json'), join(worker, 'model/screening.json.txt'));
    await run(bin('wrangler'), ['deploy', '--dry-run', '--outdir', join(folder, 'worker')], { cwd: worker });
    const workerd = await startWorkerd(folder, { screen: { directory: 'worker' } });
    try {
      await checkApi(workerd.urls.screen as string);
    } finally {
      await workerd.close();
    }
  });

  it('screens in a page, with no Node code in it', async ({ skip }) => {
    skip(!findChromium(), 'there is no Chromium on the PATH or in the variable CHROMIUM');
    const site = join(folder, 'app/browser');
    await run(bin('vite'), ['build', '--logLevel', 'error'], { cwd: site });
    await cp(MODEL, join(site, 'dist/model'), { recursive: true });
    const server = await serveFolder(join(site, 'dist'));
    const browser = await startChromium(false);
    try {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('pageerror', ({ message }) => errors.push(message));
      await page.goto(server.url);
      await page.getByText('ready').waitFor();
      for (const [file, text] of [
        ['digit-7-a.png', 'accepted as 7'],
        ['turned.jpg', 'rejected: '],
        ['scaled/photo.jpg', 'rejected: '],
      ] as const) {
        await page.setInputFiles('input', join(SAMPLES, file));
        await page.getByText(text).waitFor();
      }
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
      server.close();
    }
  });
});

const post = (url: string, body: Buffer, type = 'image/png') =>
  fetch(url, { method: 'POST', body: new Uint8Array(body), headers: { 'content-type': type } });

/** Asks the API for verdicts, its description, and images in each format and form. */
async function checkApi(url: string): Promise<void> {
  expect(await (await fetch(`${url}/health/ready`)).json()).toEqual({ status: 'ready' });
  const seven = await readFile(join(SAMPLES, 'digit-7-a.png'));
  expect(await (await post(`${url}/screen`, seven)).json()).toMatchObject({ verdict: 'accepted', label: '7' });
  expect(await (await post(`${url}/screen`, await readFile(join(SAMPLES, 'turned.jpg')), 'image/jpeg')).json()).toMatchObject({
    verdict: 'rejected',
  });
  const json = Buffer.from(JSON.stringify({ images: [{ image: seven.toString('base64') }, { image: `${seven.toString('base64')}!` }] }));
  const { results } = (await (await post(`${url}/screen`, json, 'application/json')).json()) as { results: object[] };
  expect(results).toMatchObject([{ verdict: 'accepted', label: '7' }, { type: 'urn:portcullis:problem:bad-image' }]);
  expect(await (await fetch(`${url}/openapi.json`)).json()).toMatchObject({ openapi: '3.1.0' });
  expect(await (await fetch(`${url}/docs`)).text()).toContain('<!doctype html>');
}

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

async function serveFolder(directory: string): Promise<{ url: string; close: () => void }> {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname.replace(/\/$/, '/index.html');
    const bytes = await readFile(join(directory, path)).catch(() => null);
    response.writeHead(bytes ? 200 : 404, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' });
    response.end(bytes);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}
