import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { modulesOf, startWorkerd } from './workerd.ts';

/**
 * What screening costs in workerd, on the worker as it would be deployed: p50 and p95 of POST /screen with a 28x28 PNG beside
 * those of a POST of the same body that only reads it, taken in turns in one process; cold start to the first verdict; size.
 *
 *   [MODEL=name] pnpm bench:screen
 */
const ROUNDS = 1000;
const STARTS = 9;

const directory = await mkdtemp(join(tmpdir(), 'portcullis-bench-'));
try {
  execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', directory], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
  });
  const bodies = await Promise.all(Array.from({ length: 10 }, (_, digit) => readFile(`test/samples/digit-${digit}-a.png`)));
  const post = async (url: string, body: Uint8Array<ArrayBuffer>) => {
    const started = performance.now();
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'image/png' }, body });
    await response.text();
    if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
    return performance.now() - started;
  };
  const cold: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const started = performance.now();
    const { screen, close } = await startWorkerd(directory);
    await post(`${screen}/screen`, bodies[0] as Buffer<ArrayBuffer>);
    cold.push(performance.now() - started);
    await close();
  }
  const worker = await startWorkerd(directory);
  const times: Record<'screen' | 'readOnly', number[]> = { screen: [], readOnly: [] };
  for (let round = 0; round < ROUNDS + 50; round++) {
    const body = bodies[round % bodies.length] as Buffer<ArrayBuffer>;
    const [screen, readOnly] = [await post(`${worker.screen}/screen`, body), await post(worker.readOnly, body)];
    if (round < 50) continue;
    times.screen.push(screen);
    times.readOnly.push(readOnly);
  }
  const { id, name } = (await (await fetch(`${worker.screen}/model`)).json()) as { id: string; name: string };
  await worker.close();
  const sizes = { bytes: 0, gzip: 0 };
  for (const file of await modulesOf(directory)) {
    const contents = await readFile(join(directory, file));
    sizes.bytes += contents.length;
    sizes.gzip += gzipSync(contents).length;
  }
  const at = (sample: number[], share: number) => [...sample].sort((a, b) => a - b)[Math.floor(share * (sample.length - 1))] as number;
  const ms = (value: number) => Number(value.toFixed(2));
  const [p50, base] = [at(times.screen, 0.5), at(times.readOnly, 0.5)];
  console.log(
    JSON.stringify(
      {
        model: { name, id },
        requests: ROUNDS,
        milliseconds: {
          screen: { p50: ms(p50), p95: ms(at(times.screen, 0.95)) },
          readOnly: { p50: ms(base), p95: ms(at(times.readOnly, 0.95)) },
          p50Difference: ms(p50 - base),
        },
        coldStartToFirstVerdict: { median: ms(at(cold, 0.5)), worst: ms(Math.max(...cold)), starts: STARTS },
        worker: sizes,
      },
      null,
      1,
    ),
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}
