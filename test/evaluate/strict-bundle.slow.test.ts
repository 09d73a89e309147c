import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { certificateOf } from '../../evaluate/certificate/certificate.ts';
import { type EvaluationContext, jobInputs, openContext } from '../../evaluate/measure/context.ts';
import { type Outcome, undetected } from '../../evaluate/measure/outcome.ts';
import { protocols } from '../../evaluate/protocols/list.ts';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';

const SOURCE = { dataset: 'mnist', dataDir: null, imageSize: null, channels: null } as const;
const ASKED = { test: 10_000, search: false, endpoint: null, others: [], unknown: null };
const IMAGES = { from: 0, to: 4 };
const directory = join(import.meta.dirname, '../../models/mnist-certified');
let setup: EvaluationContext;
let found: Outcome[];
beforeAll(async () => {
  await useWasm();
  setup = await openContext({ directory, source: SOURCE, seed: 1, unknownSource: null });
  const part = protocols.nearest?.parts(setup.screening, ASKED).find(({ name }) => name === 'nearest from outside, brief, linf');
  found = (await part?.run(setup, jobInputs(setup, IMAGES))) ?? [];
}, 300_000);
afterAll(() => setup.screener.close());

it('models/mnist-certified keeps its guarantee: no digit that it accepts rightly is accepted as another within the radius', async () => {
  const { guarantee } = setup.screening;
  expect(guarantee).toEqual({ norm: 'linf', radius: 0.1 });
  const inputs = jobInputs(setup, IMAGES);
  const clean = await setup.screener.screen(inputs.images);
  const isRight = clean.map(({ decision, scores }, i) => decision.accepted && scores.label === inputs.labels[i]);
  expect(isRight.filter(Boolean).length).toBeGreaterThan(2);
  expect(found).toHaveLength(IMAGES.to);
  // It gets somewhere, further away.
  expect(found.filter(undetected).length).toBeGreaterThan(0);
  for (const [i, outcome] of found.entries()) if (isRight[i] && undetected(outcome)) expect(outcome.radius).toBeGreaterThan(0.1);
});

it('what an attack finds is possible by the certificate', async () => {
  const { graphs, weights, screening } = await openBundle((file) => readFile(join(directory, file)), ['encoder']);
  const possible = certificateOf(graphs.encoder as Uint8Array, weights, screening);
  const { images, labels } = jobInputs(setup, IMAGES);
  for (const [i, outcome] of found.entries()) {
    const image = images.subarray(784 * i, 784 * (i + 1));
    if (undetected(outcome)) expect(possible(image, outcome.radius as number)).toContain(outcome.label);
  }
  // It is no certificate that finds all possible.
  expect(
    labels.filter((label, i) => possible(images.subarray(784 * i, 784 * (i + 1)), 0.05).every((t) => t === label)).length,
  ).toBeGreaterThan(2);
});
