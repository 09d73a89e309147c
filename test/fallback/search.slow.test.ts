import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QueueFullError } from '../../fallback/batch.ts';
import { chooseBatchSize } from '../../fallback/batch-size.ts';
import { openSearch, type Search } from '../../fallback/search.ts';
import { float32FromBase64 } from '../../shared/bundle/float32-base64.ts';
import { sha256, withChecksums } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { cpuSecondsOf } from '../cpu-seconds.ts';

const directory = join(import.meta.dirname, '../../models/mnist');
const options = { provider: 'cpu', threads: 1, maxQueue: 1, maxWaitMs: 600_000, batchSize: 1, batchWaitMs: 0 } as const;
let search: Search;
let folder: string;

beforeAll(async () => {
  search = await openSearch(directory, options);
  folder = await mkdtemp(join(tmpdir(), 'fallback-'));
});
afterAll(async () => {
  await search.close();
  await rm(folder, { recursive: true });
});

const golden = (n = 1) => {
  const image = float32FromBase64(search.screening.golden.image);
  const images = new Float32Array(n * image.length);
  for (let i = 0; i < n; i++) images.set(image, i * image.length);
  return { images, shape: [n, 28, 28, 1] };
};

describe('the search', () => {
  it('answers a batch as each image alone, whatever part of it a run takes', async () => {
    const [alone, batch] = [await search.run(golden()), await search.run(golden(9))];
    expect(batch.label).toEqual(new BigInt64Array(9).fill(alone.label[0] as bigint));
    expect(batch.latent).toHaveLength(9 * search.screening.latentDim);
    for (const error of batch.reconstructionError) expect(error).toBeCloseTo(alone.reconstructionError[0] as number, 4);
    expect(batch.modelId).toEqual(new Array(9).fill(search.screening.modelId));
  });

  it('takes as many requests as may wait, refuses the next, and goes on', async () => {
    const taken = [search.run(golden(2)), search.run(golden())];
    await expect(search.run(golden())).rejects.toThrow(QueueFullError);
    expect(await Promise.all(taken)).toHaveLength(2);
    expect((await search.run(golden())).label).toHaveLength(1);
  });

  it('never begins a search that nobody waits for, and ends a long one early', async () => {
    const long = new AbortController();
    const waiting = new AbortController();
    let ended: PromiseSettledResult<unknown>[] = [];
    const seconds = await cpuSecondsOf(async () => {
      const runs = [search.run(golden(200), { signal: long.signal }), search.run(golden(200), { signal: waiting.signal })];
      setTimeout(() => long.abort(new Error('gone')), 50);
      waiting.abort(new Error('gone too'));
      ended = await Promise.allSettled(runs);
    });
    expect(ended.map((end) => end.status === 'rejected' && (end.reason as Error).message)).toEqual(['gone', 'gone too']);
    // 400 images would take a minute and more.
    expect(seconds).toBeLessThan(20);
    expect(await search.ready()).toBe(true);
  });

  it('searches again what a thread that dies had, replaces the thread, and looks again whether it is ready', async () => {
    // The last batch of what was cancelled is over then.
    await search.run(golden());
    const first = search.threads[0];
    // Ended before the request reaches it: a thread that is ended inside session.run takes the process along.
    const ending = first?.terminate();
    const [found] = await Promise.all([search.run(golden()), ending]);
    expect(Number(found.label[0])).toBe(search.screening.golden.label);
    expect(await search.ready()).toBe(true);
    expect(search.threads).toHaveLength(1);
    expect(search.threads[0]).not.toBe(first);
  });
});

describe('batches of several requests', () => {
  let batching: Search;
  const batches: { images: number; requests: number }[] = [];
  let ended = 0;
  beforeAll(async () => {
    const events = { searched: (batch: { images: number; requests: number }) => batches.push(batch), threadEnded: () => ended++ };
    const threadFile = new URL('dying-thread.ts', import.meta.url).href;
    batching = await openSearch(directory, { ...options, maxQueue: 16, batchSize: 8, batchWaitMs: 300, events, threadFile });
  });
  afterAll(() => batching.close());

  /** n images: the golden one, of which the first value is this. */
  const marked = (value: number, n = 1) => {
    const request = golden(n);
    for (let i = 0; i < n; i++) request.images[i * 784] = value;
    return request;
  };

  it('each gets its own answer, the same as alone, and one that is cancelled spoils none', async () => {
    const others = [new Float32Array(784), new Float32Array(784).fill(1), golden().images];
    const alone = [];
    for (const images of others) alone.push(await search.run({ images: images.slice(), shape: [1, 28, 28, 1] }));
    batches.length = 0;
    const gone = new AbortController();
    const cancelled = batching.run(golden(2), { signal: gone.signal });
    const runs = others.map((images) => batching.run({ images, shape: [1, 28, 28, 1] }));
    gone.abort(new Error('gone'));
    await expect(cancelled).rejects.toThrow('gone');
    const together = await Promise.all(runs);
    expect(batches).toMatchObject([{ images: 3, requests: 3 }]);
    for (const [i, found] of together.entries()) {
      expect(found.label).toEqual(alone[i]?.label);
      expect(found.reconstructionError[0]).toBeCloseTo(alone[i]?.reconstructionError[0] as number, 3);
      expect(found.latent).toHaveLength(batching.screening.latentDim);
    }
    expect(new Set(together.map(({ reconstructionError }) => reconstructionError[0])).size).toBe(3);
  });

  it.each([
    ['ends', 0.25],
    ['throws where nobody catches', 0.5],
  ])('a thread that %s in the midst of a batch: the others are answered, the one that did it fails', async (_, value) => {
    const before = ended;
    const runs = [batching.run(golden()), batching.run(marked(value)), batching.run(golden(2))];
    const [first, bad, last] = await Promise.allSettled(runs);
    expect(bad).toMatchObject({ status: 'rejected' });
    for (const good of [first, last]) {
      if (good?.status !== 'fulfilled') throw new Error(`not answered: ${good?.reason}`);
      expect(Number(good.value.label[0])).toBe(batching.screening.golden.label);
    }
    expect(ended).toBeGreaterThan(before);
    expect(await batching.ready()).toBe(true);
    expect(batching.threads).toHaveLength(1);
  });

  it('are as large as a thread searches in a moment, where that is no slower than one by one', async () => {
    const size = async (seconds: (n: number) => number) => (await chooseBatchSize(async (n) => seconds(n))).batchSize;
    expect(await size((n) => 0.014 * n)).toBe(8);
    expect(await size((n) => 0.05 + 0.001 * n)).toBe(32);
    expect(await size((n) => 0.08 * n)).toBe(1);
    expect(await size((n) => 0.01 * n * n)).toBe(1);
    expect(await size((n) => 4 + 0.001 * n)).toBe(1);
  });
});

/** A copy of the bundle that was changed and sealed again, as a faulty exporter would. */
async function changed(change: (screening: Screening, graph: Uint8Array) => Uint8Array): Promise<string> {
  const copy = await mkdtemp(join(folder, 'bundle-'));
  await cp(directory, copy, { recursive: true });
  const screening = JSON.parse(await readFile(join(copy, 'screening.json'), 'utf8')) as Screening;
  const graph = change(screening, new Uint8Array(await readFile(join(copy, 'reclassify.onnx'))));
  screening.graphs.reclassify = { file: 'reclassify.onnx', sha256: await sha256(graph), bytes: graph.byteLength };
  await writeFile(join(copy, 'reclassify.onnx'), graph);
  await writeFile(join(copy, 'screening.json'), JSON.stringify(await withChecksums(screening)));
  return copy;
}

describe('a bundle is refused at the start', () => {
  it('whose graph ONNX Runtime cannot load', async () => {
    const copy = await changed(() => new TextEncoder().encode('this is no graph'));
    await expect(openSearch(copy, options)).rejects.toMatchObject({
      name: 'BundleError',
      message: /can't be run by ONNX Runtime: cpu failed/,
    });
  });

  it('whose golden image gets another label', async () => {
    const copy = await changed((screening, graph) => {
      screening.golden.label = (screening.golden.label + 1) % 10;
      return graph;
    });
    await expect(openSearch(copy, options)).rejects.toMatchObject({ name: 'BundleError', message: /the golden image is labelled/ });
  });

  it('whose graph answers for another model', async () => {
    const copy = await changed((screening, graph) => {
      const text = Buffer.from(graph).toString('latin1');
      const other = screening.modelId.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
      return new Uint8Array(Buffer.from(text.replaceAll(screening.modelId, other), 'latin1'));
    });
    await expect(openSearch(copy, options)).rejects.toThrow(/it answers for model/);
  });

  it('of which a byte was changed', async () => {
    const copy = await mkdtemp(join(folder, 'bundle-'));
    await cp(directory, copy, { recursive: true });
    const weights = new Uint8Array(await readFile(join(copy, 'weights.bin')));
    weights[1000] = (weights[1000] as number) ^ 1;
    await writeFile(join(copy, 'weights.bin'), weights);
    await expect(openSearch(copy, options)).rejects.toThrow(/weights.bin was changed/);
  });

  it('on a provider that is not installed, naming those that are', async () => {
    await expect(openSearch(directory, { ...options, provider: 'cuda' })).rejects.toMatchObject({
      name: 'ProviderError',
      message: expect.stringMatching(/cuda .*there are .*cpu \(or auto\)/),
    });
  });
});
