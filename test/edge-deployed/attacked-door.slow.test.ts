import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { boundarySearch } from '../../attacks/hop-skip-jump.ts';
import type { QueriedImage } from '../../attacks/oracle.ts';
import { squareSearch } from '../../attacks/square.ts';
import { selectImages } from '../../attacks/tensors.ts';
import { type DeployedWorker, startDeployed } from '../../bench/reliability/deployed-worker.ts';
import { graphOracle } from '../../evaluate/measure/attacker.ts';
import { type EvaluationContext, jobInputs, openContext } from '../../evaluate/measure/context.ts';
import { checkEndpoint, type Endpoint, httpOracle } from '../../evaluate/measure/endpoint.ts';
import { protocols } from '../../evaluate/protocols/list.ts';
import { randomFrom } from '../../shared/random.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';

const KEYS = { attacker: 'screen+explain', camera: 'screen' };
const SIZE = 28 * 28;

/** Stands before the worker, and counts the verdicts that it gives. */
async function startCounting(worker: string) {
  let verdicts = 0;
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const { authorization = '', 'content-type': type = '' } = request.headers;
    const answer = await fetch(`${worker}${request.url}`, { method: 'POST', headers: { authorization, 'content-type': type }, body });
    if (answer.ok) verdicts++;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counted: () => verdicts,
    forget: () => {
      verdicts = 0;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

let worker: DeployedWorker;
let before: Awaited<ReturnType<typeof startCounting>>;
let setup: EvaluationContext;
let endpoint: Endpoint;
beforeAll(async () => {
  const entry = ([name, scopes]: [string, string]) => `${name}:${scopes}:${createHash('sha256').update(name).digest('hex')}`;
  worker = await startDeployed('mnist', { KEYS: Object.entries(KEYS).map(entry).join(','), LOG_REQUESTS: 'off' });
  before = await startCounting(worker.url);
  endpoint = { url: before.url, key: 'attacker' };
  await useWasm();
  const directory = join(import.meta.dirname, '../../models/mnist');
  const source = { dataset: 'mnist', dataDir: null, imageSize: null, channels: null } as const;
  setup = await openContext({ directory, source, seed: 1, unknownSource: null });
});
beforeEach(() => before.forget());
afterAll(async () => {
  await setup?.screener.close();
  before?.close();
  await worker?.close();
});

/** The first test image, attacked, and the first of another class that is accepted as it. */
async function firstImages(): Promise<{ attacked: QueriedImage; start: Float32Array }> {
  const { images, labels } = jobInputs(setup, { from: 0, to: 20 });
  const truth = labels[0] as number;
  const verdicts = await setup.screener.screen(images);
  const other = labels.findIndex((label, i) => label !== truth && verdicts[i]?.decision.accepted && verdicts[i]?.scores.label === label);
  const attacked = { image: selectImages(images, [0], SIZE), height: 28, width: 28, channels: 1, truth, seed: 5 };
  return { attacked, start: selectImages(images, [other], SIZE) };
}

describe('the worker in workerd says what screen.onnx says in onnxruntime-node', () => {
  /** Clean digits, digits with ever more noise, noise alone. */
  const various = () => {
    const random = randomFrom(3);
    const { images } = jobInputs(setup, { from: 0, to: 60 });
    return images.map((value, i) => Math.min(1, Math.max(0, value + (Math.floor(i / SIZE) / 100) * (2 * random.uniform() - 1))));
  };

  it('of verdicts', async () => {
    const images = various();
    const answers = await httpOracle(endpoint, setup.screening, 'verdicts')(images);
    expect(answers).toEqual(await graphOracle(setup.screener, 'verdicts')(images));
    expect(new Set(answers.map(({ accepted }) => accepted)).size).toBe(2);
    expect(before.counted()).toBe(60);
  });

  it('of scores, but for rounding', async () => {
    const images = various();
    const [http, graph] = [
      await httpOracle(endpoint, setup.screening, 'scores')(images),
      await graphOracle(setup.screener, 'scores')(images),
    ];
    for (const [i, { accepted, label, logRatios }] of http.entries()) {
      expect([accepted, label]).toEqual([graph[i]?.accepted, graph[i]?.label]);
      for (const [test, ratio] of logRatios?.entries() ?? []) expect(ratio).toBeCloseTo(graph[i]?.logRatios?.[test] as number, 4);
    }
  });
});

describe('attacked through its door', () => {
  it('HopSkipJump comes nearer with verdicts alone; every question was answered, no other asked', async () => {
    const { attacked, start } = await firstImages();
    const found = await boundarySearch(httpOracle(endpoint, setup.screening, 'verdicts'), attacked, start, 'l2', 300);
    expect([found.queries, before.counted()]).toEqual([300, 300]);
    const far = (image: Float32Array) => Math.hypot(...image.map((value, i) => value - (attacked.image[i] as number)));
    expect(far(found.image as Float32Array)).toBeLessThan(0.8 * far(start));
    const [verdict] = await setup.screener.screen(found.image as Float32Array);
    expect(verdict?.decision.accepted).toBe(true);
    expect(verdict?.scores.label).not.toBe(attacked.truth);
  });

  it('Square asks for scores, as often as it is allowed', async () => {
    const { attacked } = await firstImages();
    const found = await squareSearch(httpOracle(endpoint, setup.screening, 'scores'), attacked, { norm: 'linf', radius: 0.05 }, 50);
    expect([found.queries, before.counted()]).toEqual([50, 50]);
  });

  it('as the protocol does it: questions that stand in the outcomes are those that were answered', async () => {
    const asked = { test: 10_000, search: false, endpoint, others: [], unknown: null };
    const parts = protocols['black-box']?.parts(setup.screening, asked).filter(({ name }) => name.includes('through the HTTP door'));
    expect(parts?.map(({ name }) => name)).toHaveLength(6);
    const part = parts?.find(({ name }) => name.startsWith('Square') && name.includes('linf'));
    const outcomes = await part?.run(setup, jobInputs(setup, { from: 0, to: 1 }));
    expect(outcomes?.reduce((sum, { queries }) => sum + (queries ?? 0), 0)).toBe(before.counted());
    expect(before.counted()).toBeGreaterThan(2);
  });

  it('a key that does not allow to see scores is told at once, and a wrong one', async () => {
    await expect(checkEndpoint({ ...endpoint, key: 'camera' }, setup.screening)).rejects.toThrow(
      /answered 403: .*the scope explain is needed/,
    );
    await expect(checkEndpoint({ ...endpoint, key: 'nobody' }, setup.screening)).rejects.toThrow(/answered 401: .*key is unknown/);
    await expect(checkEndpoint(endpoint, { ...setup.screening, id: '0'.repeat(64) })).rejects.toThrow(/serves model .* not 0000/);
  });
});
