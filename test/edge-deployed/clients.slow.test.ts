import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { wrongIn } from '../../bench/clients/judge.ts';
import { byAxios, byCurl, byFetch } from '../../bench/clients/node-clients.ts';
import type { Route, Told } from '../../bench/clients/route.ts';
import { byShapes } from '../../bench/clients/shaped-bodies.ts';
import { sha256OfPixels } from '../../bench/peers/pixels.ts';
import { type DeployedWorker, startDeployed } from '../../bench/reliability/deployed-worker.ts';

const image = join(import.meta.dirname, '../samples/digit-7-a.png');

let worker: DeployedWorker;
beforeAll(async () => {
  worker = await startDeployed('mnist', { LOG_DECISIONS: 'off' });
});
afterAll(() => worker?.close());

/** The clients that need an installation are asked by `pnpm bench:clients`. */
it('curl, fetch, axios and forms as other clients write them get the verdict', async () => {
  const bytes = await readFile(image);
  const pixels = await sharp(bytes).greyscale().raw().toBuffer();
  const routes: Route[] = [
    { route: 'file', kind: 'file', url: `${worker.url}/screen` },
    { route: 'form', kind: 'form', url: `${worker.url}/screen` },
    { route: 'JSON', kind: 'json', url: `${worker.url}/screen` },
    { route: '/v2', kind: 'v2', url: `${worker.url}/v2/models/screen/infer` },
  ];
  const told: Told[] = [
    ...(await byCurl(image, routes)),
    ...(await byFetch(image, routes)),
    ...(await byAxios(image, routes)),
    ...(await byShapes(bytes, routes)),
  ];
  const values = [...pixels].map((level) => Math.fround(level / 255));
  const expected = { label: '7', verdicts: routes.map(({ route }) => route), rgba: await sha256OfPixels(bytes), values };
  const wrong = told.flatMap((one) => {
    const why = wrongIn(one, expected);
    return why === null ? [] : [`${one.client}, ${one.route}: ${why}`];
  });
  expect(wrong).toEqual([]);
  expect(told.length).toBeGreaterThan(20);
});
