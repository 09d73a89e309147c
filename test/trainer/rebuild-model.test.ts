import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeBundle } from '../../export/write-bundle.ts';
import { writeScreening } from '../../node/bundle/models-folder.ts';
import { withChecksums } from '../../shared/bundle/hashes.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import type { Architecture } from '../../trainer/model/architecture.ts';
import { buildModel } from '../../trainer/model/build-model.ts';
import { rebuildModel } from '../../trainer/model/rebuild-model.ts';
import { input, randomImages, tinyArchitecture, tinyParts } from '../export/tiny-model.ts';
import { tinyTraining } from './tiny-dataset.ts';

let root: string;
beforeAll(async () => {
  await useWasm();
  root = await mkdtemp(join(tmpdir(), 'rebuilt-'));
});
afterAll(() => rm(root, { recursive: true }));

const deep: Architecture = {
  ...tinyArchitecture,
  encoder: [
    { filters: 3, kernel: 3, stride: 1 },
    { filters: 5, kernel: 4, stride: 2 },
  ],
  decoder: [{ filters: 6, kernel: 4, stride: 2 }],
};

const pooling: Architecture = {
  ...tinyArchitecture,
  encoder: [
    { filters: 3, kernel: 3, stride: 1 },
    { layer: 'MaxPooling2D', size: 2 },
    { filters: 5, kernel: 4, stride: 2 },
  ],
  decoder: [
    { filters: 6, kernel: 3, stride: 1 },
    { layer: 'UpSampling2D', size: 2 },
    { filters: 4, kernel: 4, stride: 2 },
  ],
};

async function bundleOf(name: string, architecture: Architecture, said: object = architecture) {
  const model = buildModel(architecture, input, 7);
  const parts = tinyParts();
  const training = { ...tinyTraining, architecture: said } as never;
  await writeBundle(join(root, name), { ...parts, ...model, provenance: { ...parts.provenance, training } });
  return { model, directory: join(root, name) };
}

describe('the model of a bundle', () => {
  it.each([
    ['strided', tinyArchitecture],
    ['deep', deep],
    ['pooling', pooling],
    ['variable', { ...tinyArchitecture, entropy: 'variable' as const }],
  ])('is rebuilt from its graphs to the bit: %s', async (name, architecture) => {
    const { model, directory } = await bundleOf(name, architecture);
    const rebuilt = await rebuildModel(directory);
    const weights = (part: tf.LayersModel) => part.getWeights().map((weight) => Array.from(weight.dataSync()));
    expect(weights(rebuilt.encoder)).toEqual(weights(model.encoder));
    expect(weights(rebuilt.decoder)).toEqual(weights(model.decoder));
    const images = tf.tensor4d(randomImages(3), [3, 8, 8, 1]);
    const answers = [model, rebuilt].map(({ encoder, decoder }) =>
      Array.from((decoder.predict(encoder.predict(images) as tf.Tensor) as tf.Tensor).dataSync()),
    );
    expect(answers[1]).toEqual(answers[0]);
    const screening = await parseScreening(await readFile(join(directory, 'screening.json'), 'utf8'));
    const golden = { ...screening.golden, latent: screening.golden.latent.map((value, i) => value + (i === 2 ? 0.01 : 0)) };
    await writeScreening(directory, await withChecksums({ ...screening, golden }));
    await expect(rebuildModel(directory)).rejects.toThrow(/gives another latent for the golden image/);
  });

  it('is refused where the bundle says no architecture, or another one', async () => {
    await writeBundle(join(root, 'none'), tinyParts());
    await expect(rebuildModel(join(root, 'none'))).rejects.toThrow(/does not say its architecture/);
    const { directory } = await bundleOf('wider', tinyArchitecture, { ...tinyArchitecture, dense: 13 });
    await expect(rebuildModel(directory)).rejects.toThrow(/the weights of encoder_dense have another size/);
    const { directory: shorter } = await bundleOf('shorter', tinyArchitecture, deep);
    await expect(rebuildModel(shorter)).rejects.toThrow(/decoder.onnx has 4 layers with weights, its architecture 3|another size/);
  });
});
