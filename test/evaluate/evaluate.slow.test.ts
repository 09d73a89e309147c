import { cp, mkdtemp, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Request, runProtocol } from '../../evaluate/evaluate.ts';
import { keepEvidence } from '../../evaluate/figures/evidence.ts';
import type { JobResult } from '../../evaluate/jobs/job.ts';
import type { Protocol } from '../../evaluate/measure/protocol.ts';
import { protocols } from '../../evaluate/protocols/list.ts';
import { FGSM_EPSILONS } from '../../evaluate/protocols/paper.ts';
import { openScreener, type Screener } from '../../node/bundle/graphs.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';

let root: string;
let directory: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
  directory = join(root, 'mnist');
  await cp(join(import.meta.dirname, '../../models/mnist'), directory, { recursive: true });
});
afterAll(() => rm(root, { recursive: true }));

const [TEST, IMAGES] = [200, 3];

/** Few images of everything that the quick protocol has. */
const few: Protocol = {
  ...(protocols.quick as Protocol),
  parts: (screening, asked) => (protocols.quick as Protocol).parts(screening, { ...asked, test: TEST }),
};

const request = (folder: string, changes: Partial<Request> = {}): Request => ({
  ...{ directory, source: { dataset: 'mnist', dataDir: null, imageSize: null, channels: null }, unknownSource: null, seed: 3 },
  ...{ protocol: few, images: IMAGES, search: true, backend: 'wasm', threads: 2, shard: null, endpoint: null, folder: join(root, folder) },
  ...changes,
});

/** All but how long it took. */
const plain = ({ results }: { results: JobResult[] }) => results.map(({ seconds: _, ...result }) => result);

describe('evaluation of the committed bundle', () => {
  let screener: Screener;
  beforeAll(async () => {
    screener = await openScreener(directory);
  });
  afterAll(() => screener.close());

  it('has outcomes that add up, mostly right on test digits; noise is rejected', async () => {
    const { results, missing } = await runProtocol(request('whole'), screener);
    expect(missing).toBe(0);
    const sets = Map.groupBy(results, ({ part }) => part);
    expect([...sets.keys()]).toEqual([
      'clean test images',
      ...FGSM_EPSILONS.map((eps) => `FGSM, epsilon ${eps}`),
      ...['uniform noise', 'blank pages', 'drawn nonsense'],
    ]);
    for (const [name, jobs] of sets) {
      const outcomes = jobs.flatMap((job) => job.outcomes);
      expect(outcomes.map(({ image }) => image)).toEqual(outcomes.map((_, i) => i));
      expect(outcomes).toHaveLength(name === 'clean test images' ? TEST : IMAGES);
      for (const { accepted, reclassified, reason } of outcomes)
        expect([reclassified === null, reason === null]).toEqual([accepted, accepted]);
      const right = outcomes.filter(({ accepted, label, truth }) => accepted && label === truth).length;
      if (name === 'clean test images') expect(right).toBeGreaterThan(0.96 * TEST);
      if (name === 'uniform noise') expect(outcomes.some(({ accepted }) => accepted)).toBe(false);
    }
  });

  it('goes on where it was stopped, and does a damaged job again: nothing else is done twice', async () => {
    const { results } = await runProtocol(request('whole'), screener);
    const [damaged, kept] = (await readdir(join(root, 'whole'))).filter((file) => file.endsWith('.json')).sort() as [string, string];
    const before = await stat(join(root, 'whole', kept));
    await truncate(join(root, 'whole', damaged), 100);
    let plan: { jobs: number; before: number } | undefined;
    const onStart = (start: { jobs: number; before: number }) => {
      plan = start;
    };
    const again = await runProtocol(request('whole', { onStart }), screener);
    expect([plan?.jobs, plan?.before]).toEqual([1, results.length - 1]);
    expect(plain(again)).toEqual(plain({ results }));
    expect((await stat(join(root, 'whole', kept))).mtimeMs).toBe(before.mtimeMs);
  });

  it('of more or fewer images does not do again what was done of them', async () => {
    // Jobs of 100 images.
    const quick = protocols.quick as Protocol;
    const parts: Protocol['parts'] = (...asked) => quick.parts(...asked).filter(({ name }) => name === 'FGSM, epsilon 0.06');
    const fgsm = { protocol: { ...quick, parts }, search: false, threads: 1 };
    const planned: number[] = [];
    const onStart = ({ jobs }: { jobs: number }) => planned.push(jobs);
    const more = await runProtocol(request('counts', { ...fgsm, images: 200, onStart }), screener);
    const fewer = await runProtocol(request('counts', { ...fgsm, images: 100, onStart }), screener);
    expect(planned).toEqual([2]);
    expect(fewer.results.map(({ images, outcomes }) => [images, outcomes])).toEqual([[100, more.results[0]?.outcomes]]);
    expect(plain(await runProtocol(request('counts', { ...fgsm, images: 200, onStart }), screener))).toEqual(plain(more));
    expect(planned).toEqual([2]);
  });

  it('is the same from shards that are put together', async () => {
    for (const part of [0, 1]) {
      const { missing } = await runProtocol(request(`shard-${part}`, { shard: { part, of: 2 }, threads: 1 }), screener);
      expect(missing).toBeGreaterThan(0);
    }
    const merge = [join(root, 'shard-0'), join(root, 'shard-1')];
    const merged = await runProtocol(request('merged', { merge, onStart: () => expect.unreachable('all is done') }), screener);
    expect(plain(merged)).toEqual(plain(await runProtocol(request('whole'), screener)));
    await expect(runProtocol(request('merged', { merge: [root] }), screener)).rejects.toThrow(/holds no jobs/);
  });

  it('jobs of another evaluation do not take the place of its own', async () => {
    const before = plain(await runProtocol(request('whole'), screener));
    await runProtocol(request('other', { seed: 9, shard: { part: 0, of: 5 } }), screener);
    await expect(runProtocol(request('whole', { merge: [join(root, 'other')] }), screener)).rejects.toThrow(/its seed is 9, not 3/);
    expect(plain(await runProtocol(request('whole', { onStart: () => expect.unreachable('all is done') }), screener))).toEqual(before);
  });

  it('ends when it is told to, keeping what is done', async () => {
    const stop = new AbortController();
    let done = 0;
    const onProgress = () => {
      if (++done === 2) stop.abort();
    };
    await expect(runProtocol(request('stopped', { signal: stop.signal, onProgress, threads: 1 }), screener)).rejects.toThrow();
    expect((await readdir(join(root, 'stopped'))).length).toBeGreaterThanOrEqual(2);
  });

  it('another seed, bundle or attack is not taken for it', async () => {
    const { results } = await runProtocol(request('whole'), screener);
    let jobs = 0;
    await runProtocol(request('whole', { seed: 4, onStart: (plan) => (jobs = plan.jobs) }), screener);
    expect(jobs).toBe(results.length);
  });

  it('is kept in the bundle by protocol and name, without changing what it is, and stands in the model card', async () => {
    const read = async () => parseScreening(await readFile(join(directory, 'screening.json'), 'utf8'));
    const before = await read();
    const entry = (name: string, acceptedWrong: number) => ({
      ...{ name, protocol: 'p', id: before.id, images: 8, acceptedRight: 0, acceptedWrong, rejected: 8 - acceptedWrong },
      reclassified: null,
    });
    await keepEvidence(directory, [entry('blank pages', 3), entry('noise', 1)]);
    await keepEvidence(directory, [entry('blank pages', 2)]);
    const after = await read();
    expect(after.evidence.filter(({ protocol }) => protocol === 'p')).toEqual([entry('noise', 1), entry('blank pages', 2)]);
    expect(after.evidence.filter(({ protocol }) => protocol !== 'p')).toEqual(before.evidence);
    expect([after.id, after.modelId]).toEqual([before.id, before.modelId]);
    expect(await readFile(join(directory, 'README.md'), 'utf8')).toContain('| blank pages | 8 | 0.00 | 25.00 | 75.00 |');
  });

  it('of another bundle is refused', async () => {
    const other = { name: 'x', protocol: 'p', id: '0'.repeat(64), images: 1, acceptedRight: 1, acceptedWrong: 0, rejected: 0 };
    await expect(keepEvidence(directory, [{ ...other, reclassified: null }])).rejects.toThrow(/was replaced while it was measured/);
  });
});
