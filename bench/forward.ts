import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { quantilesOf } from './quantiles.ts';
import { startWorkerd } from './workerd.ts';

/**
 * Measures what re-encoding costs the guard: `/guard` in front of a classifier that answers at once, with each FORWARD, in one
 * workerd process and in turn, one request after the other.
 *
 *   pnpm bench:forward [--requests 2000] [--figures FILE]
 */
const { values: options } = parseArgs({ options: { requests: { type: 'string', default: '2000' }, figures: { type: 'string' } } });
const FORWARDS = ['original', 'decoded', 'screened'] as const;
const WARM_UP = 300;
const DIGIT = 'test/samples/digit-7-a.png';
const large = sharp(DIGIT).resize(1008, 1008, { kernel: 'nearest' }).toColourspace('srgb');
const FILES: Record<string, { body: Buffer; type: string; requests: number }> = {
  '28x28 PNG': { body: await readFile(DIGIT), type: 'image/png', requests: 1 },
  '1008x1008 PNG': { body: await large.clone().png().toBuffer(), type: 'image/png', requests: 0.05 },
  '1008x1008 JPEG': { body: await large.clone().jpeg({ quality: 95 }).toBuffer(), type: 'image/jpeg', requests: 0.05 },
};
const MUST = 1.5;

const requests = Number(options.requests);
if (!(requests >= 100)) throw new Error(`--requests is ${options.requests}; a number of 100 or more is needed`);
const upstream = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"label":"7"}'));
});
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
const directory = await mkdtemp(join(tmpdir(), 'portcullis-forward-'));
execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', directory], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, MODEL: 'mnist', WRANGLER_SEND_METRICS: 'false' },
});
const variables = { UPSTREAM_URL: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`, LOG_REQUESTS: 'off' };
const services = Object.fromEntries(FORWARDS.map((FORWARD) => [FORWARD, { directory: '.', variables: { ...variables, FORWARD } }]));
const worker = await startWorkerd(directory, services);
const figures: Record<string, unknown> = {};
try {
  for (const [kind, { body, type, requests: share }] of Object.entries(FILES)) {
    const counted = Math.ceil(requests * share);
    const warmUp = Math.ceil(WARM_UP * share);
    const times: Record<string, number[]> = { original: [], decoded: [], screened: [] };
    for (let i = 0; i < warmUp + counted; i++)
      for (const forward of FORWARDS) {
        const began = performance.now();
        const answer = await fetch(`${worker.urls[forward]}/guard`, {
          method: 'POST',
          body: new Uint8Array(body),
          headers: { 'content-type': type },
        });
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${forward} answered ${answer.status}: ${text}`);
        if (i >= warmUp) times[forward]?.push(performance.now() - began);
      }
    const quantiles = Object.fromEntries(FORWARDS.map((forward) => [forward, quantilesOf(times[forward] as number[])]));
    const p50 = (forward: string) => quantiles[forward]?.p50 as number;
    const ratios = { decoded: p50('decoded') / p50('original'), screened: p50('screened') / p50('original') };
    figures[kind] = { requests: counted, ...quantiles, ratios };
    for (const forward of FORWARDS)
      console.log(
        `${kind}, FORWARD=${forward}: p50 ${p50(forward).toFixed(2)} ms, ${(p50(forward) / p50('original')).toFixed(2)} times original`,
      );
    if (kind === '28x28 PNG' && ratios.decoded > MUST) process.exitCode = 1;
  }
} finally {
  await worker.close();
  upstream.close();
  upstream.closeAllConnections();
  await rm(directory, { recursive: true, force: true });
}
const report = { load: loadavg()[0], ...figures };
if (options.figures) await writeFile(options.figures, `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify(report));
