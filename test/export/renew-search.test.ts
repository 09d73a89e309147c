import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { renewSearch } from '../../export/renew-search.ts';
import { writeBundle } from '../../export/write-bundle.ts';
import { openReclassifier } from '../../node/bundle/graphs.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { randomImages, tinyArchitecture, tinyParts } from './tiny-model.ts';

let root: string;
const at = (name: string) => join(root, name);

beforeAll(async () => {
  await useWasm();
  root = await mkdtemp(join(tmpdir(), 'renew-'));
  const counts = { protocol: 'quick', images: 4, acceptedRight: 1, acceptedWrong: 1, rejected: 2 };
  const parts = tinyParts();
  await writeBundle(at('old'), {
    ...parts,
    provenance: { ...parts.provenance, training: { architecture: tinyArchitecture } },
    evidence: [
      { ...counts, name: 'screened', reclassified: null },
      { ...counts, name: 'searched', reclassified: { right: 1, wrong: 0, rejectedStill: 1 } },
    ],
  });
});
afterAll(() => rm(root, { recursive: true }));

const screeningOf = async (name: string) => JSON.parse(await readFile(join(at(name), 'screening.json'), 'utf8'));

it('changes the search and the id, and keeps the model, the thresholds and what was measured without the search', async () => {
  const before = await screeningOf('old');
  expect(before.provenance.search).toMatchObject({ priorWeight: 3, encoderWeight: 0.5 });
  const renewed = await renewSearch(at('old'), at('new'), { priorWeight: 7 });
  // The default weights are shares of the mean threshold, which is 8.
  expect(renewed.provenance.search).toMatchObject({ priorWeight: 7, encoderWeight: 2, learningRate: 0.03 });
  expect(renewed.id).not.toBe(before.id);
  for (const same of ['modelId', 'thresholds', 'weights', 'golden'] as const) expect(renewed[same]).toEqual(before[same]);
  expect(renewed.graphs).toEqual({ ...before.graphs, reclassify: renewed.graphs.reclassify });
  expect(renewed.evidence.map(({ name, id }) => ({ name, id }))).toEqual([{ name: 'screened', id: renewed.id }]);
  const { reclassify, close } = await openReclassifier(at('new'));
  expect((await reclassify(randomImages(2))).every(({ reconstructionError }) => reconstructionError > 0)).toBe(true);
  await close();
});

it('writes what an export with the same search writes, in its own place too', async () => {
  const { search } = (await screeningOf('old')).provenance;
  const { id } = await renewSearch(at('old'), at('same'), search);
  expect(id).toBe((await screeningOf('old')).id);
  expect((await renewSearch(at('same'), at('same'))).id).not.toBe(id);
});

it('refuses a damaged bundle, and leaves nothing behind', async () => {
  const weights = join(at('same'), 'weights.bin');
  const bytes = await readFile(weights);
  bytes[9] = (bytes[9] as number) ^ 1;
  await writeFile(weights, bytes);
  await expect(renewSearch(at('same'), at('broken'))).rejects.toThrow('weights.bin was changed');
  await expect(screeningOf('broken')).rejects.toThrow('ENOENT');
});
