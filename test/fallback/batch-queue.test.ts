import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ExpiredError, QueueFullError } from '../../fallback/batch.ts';
import { createBatchQueue, type QueueOptions } from '../../fallback/batch-queue.ts';
import type { SearchRequest } from '../../fallback/search-thread.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  // As in a process that has run for a while: 0 stands for a search that has not begun.
  vi.advanceTimersByTime(1000);
});
afterEach(() => void vi.useRealTimers());

/** Images of one value; what is found for an image is told from that value. */
const request = (...values: number[]): SearchRequest => ({ images: Float32Array.from(values), shape: [values.length, 1] });

/** A queue before a search that ends when it is told to. */
function gated(options: Partial<QueueOptions> = {}, secondsPerImage = 0.001) {
  const batches: { values: number[]; end(error?: Error): Promise<void> }[] = [];
  const search = ({ images }: SearchRequest) =>
    new Promise<ReturnType<typeof found>>((resolve, reject) => {
      const end = async (error?: Error) => {
        if (error) reject(error);
        else resolve(found(images));
        await new Promise(setImmediate);
      };
      batches.push({ values: [...images], end });
    });
  const defaults = { threads: 1, maxQueue: 4, maxWaitMs: 10_000, batchSize: 3, batchWaitMs: 0 };
  return { queue: createBatchQueue(search, { ...defaults, ...options }, secondsPerImage), batches };
}

const found = (images: Float32Array) => ({
  label: BigInt64Array.from(images, BigInt),
  latent: Float32Array.from([...images].flatMap((value) => [value, -value])),
  latentDistance: Float32Array.from(images, (value) => 2 * value),
  reconstructionError: images.slice(),
  runnerUp: BigInt64Array.from(images, BigInt),
  runnerUpError: images.slice(),
  modelId: Array.from(images, String),
});

describe('the queue of batches', () => {
  it('joins what waits, splits what is large, and gives each its own', async () => {
    const { queue, batches } = gated();
    const runs = [queue.run(request(1)), queue.run(request(2)), queue.run(request(3, 4, 5, 6)), queue.run(request(7))];
    expect(queue.waiting).toEqual({ requests: 3, images: 6 });
    for (const values of [[1], [2, 3, 4], [5, 6, 7]]) {
      expect(batches.at(-1)?.values).toEqual(values);
      await batches.at(-1)?.end();
    }
    const results = await Promise.all(runs);
    expect(results.map(({ label }) => [...label].map(Number))).toEqual([[1], [2], [3, 4, 5, 6], [7]]);
    expect([...(results[2]?.latent ?? [])]).toEqual([3, -3, 4, -4, 5, -5, 6, -6]);
    expect(results[2]?.modelId).toEqual(['3', '4', '5', '6']);
  });

  it('a thread waits for a batch to fill, no longer than it may, and not at all once it is to end', async () => {
    const { queue, batches } = gated({ batchWaitMs: 50 });
    const first = queue.run(request(1));
    expect(batches).toHaveLength(0);
    const second = queue.run(request(2, 3));
    expect(batches.map(({ values }) => values)).toEqual([[1, 2, 3]]);
    await batches[0]?.end();
    const alone = queue.run(request(4));
    vi.advanceTimersByTime(49);
    expect(batches).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(batches[1]?.values).toEqual([4]);
    await batches[1]?.end();
    const last = queue.run(request(5));
    const drained = queue.drain();
    expect(batches[2]?.values).toEqual([5]);
    await batches[2]?.end();
    await Promise.all([first, second, alone, last, drained]);
  });

  it('a batch that fails is tried again, each request alone; one that fails twice fails alone', async () => {
    const { queue, batches } = gated();
    const busy = queue.run(request(0));
    const runs = [queue.run(request(1)), queue.run(request(2))];
    const failed = expect(runs[0]).rejects.toThrow('lost again');
    await batches[0]?.end();
    expect(batches[1]?.values).toEqual([1, 2]);
    await batches[1]?.end(new Error('lost'));
    expect(batches[2]?.values).toEqual([1]);
    await batches[2]?.end(new Error('lost again'));
    expect(batches[3]?.values).toEqual([2]);
    await batches[3]?.end();
    await busy;
    await failed;
    expect((await runs[1])?.label).toEqual(new BigInt64Array([2n]));
  });

  it('does not search what nobody waits for, before or between its parts', async () => {
    const { queue, batches } = gated();
    const [large, small] = [new AbortController(), new AbortController()];
    const runs = [
      queue.run(request(1, 2, 3, 4, 5), { signal: large.signal }),
      queue.run(request(6), { signal: small.signal }),
      queue.run(request(7)),
    ];
    for (const gone of [large, small]) gone.abort(new Error('gone'));
    await expect(runs[0]).rejects.toThrow('gone');
    await expect(runs[1]).rejects.toThrow('gone');
    await batches[0]?.end();
    expect(batches[1]?.values).toEqual([7]);
    await batches[1]?.end();
    await runs[2];
    await expect(queue.run(request(8), { signal: large.signal })).rejects.toThrow('gone');
  });

  it('does not search what waited longer than it may, whoever says so', async () => {
    const { queue, batches } = gated({ maxWaitMs: 60 });
    const busy = queue.run(request(0));
    const [short, long] = [queue.run(request(1), { timeoutMs: 20 }), queue.run(request(2))];
    const ended = Promise.allSettled([short, long]);
    vi.advanceTimersByTime(60);
    const reasons = (await ended).map((end) => (end as PromiseRejectedResult).reason);
    expect(reasons.map(({ message }) => message)).toEqual([
      'the search did not begin within 20 ms',
      'the search did not begin within 60 ms',
    ]);
    for (const reason of reasons) expect(reason).toBeInstanceOf(ExpiredError);
    await batches[0]?.end();
    await busy;
    expect(batches).toHaveLength(1);
  });

  it('a large request whose time is up between its parts is not searched on', async () => {
    const { queue, batches } = gated();
    const expired = expect(queue.run(request(1, 2, 3, 4), { timeoutMs: 20 })).rejects.toThrow(ExpiredError);
    vi.advanceTimersByTime(21);
    await batches[0]?.end();
    await expired;
    expect(batches).toHaveLength(1);
  });

  it('refuses what would begin too late by what was measured, says when to ask again, and takes anything while it is idle', async () => {
    const { queue, batches } = gated({ maxQueue: 100 }, 2);
    const runs = [queue.run(request(1, 2, 3), { timeoutMs: 60_000 }), queue.run(request(4))];
    expect(() => queue.checkCapacity()).not.toThrow();
    await expect(queue.run(request(5), { timeoutMs: 12_000 })).rejects.toThrow(/would begin in [78]\.\d s only, which is too late/);
    runs.push(queue.run(request(6, 7, 8)));
    // 14 s of work are before it; 10 s are allowed.
    await expect(queue.run(request(9))).rejects.toMatchObject({ name: 'QueueFullError', retryAfterSeconds: 4 });
    for (let i = 0; i < batches.length; i++) await batches[i]?.end();
    await Promise.all(runs);
  });

  it('refuses one more than may wait', async () => {
    const { queue, batches } = gated({ maxQueue: 2 });
    const runs = [queue.run(request(1)), queue.run(request(2)), queue.run(request(3))];
    expect(() => queue.checkCapacity()).toThrow(QueueFullError);
    await expect(queue.run(request(4))).rejects.toThrow('2 requests wait already');
    for (let i = 0; i < batches.length; i++) await batches[i]?.end();
    expect(await Promise.all(runs)).toHaveLength(3);
  });
});
