import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ParityError } from '../../export/parity.ts';

import { assertAgreement, compareGraphs, crossCheck } from '../../export/tf2onnx/cross-check.ts';
import { writeBundle } from '../../export/write-bundle.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { readMnist } from '../../trainer/data/mnist.ts';
import { buildModel } from '../../trainer/model/build-model.ts';
import type { Run } from '../../trainer/run.ts';
import { tinyArchitecture, tinyParts } from './tiny-model.ts';

/** As MNIST's, on which the run below was "trained". */
const input = { height: 28, width: 28, channels: 1 as const };
const images = (count: number) => Float32Array.from({ length: count * 784 }, (_, i) => Math.abs(Math.sin(i)));

let root: string;
const bundle = (name: string) => join(root, name);
beforeAll(async () => {
  await useWasm();
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
  for (const [name, seed] of Object.entries({ own: 3, other: 4 })) {
    const model = buildModel(tinyArchitecture, input, seed);
    await writeBundle(bundle(name), { ...tinyParts(), ...model, input, parityImages: [images(4)] });
  }
});
afterAll(() => rm(root, { recursive: true }));

describe('comparison of graphs', () => {
  const encoders = (a: string, b: string) =>
    compareGraphs([join(bundle(a), 'encoder.onnx'), join(bundle(b), 'encoder.onnx')], images(70), [28, 28, 1]);

  it('finds graphs that are the same, over several runs, and gives what the first answers', async () => {
    const { answers, difference } = await encoders('own', 'own');
    expect([answers.length, difference]).toEqual([70 * 4, 0]);
  });

  it('finds graphs that differ, if only by the last byte of a weight', async () => {
    expect((await encoders('own', 'other')).difference).toBeGreaterThan(1e-2);
    await cp(bundle('own'), bundle('bit'), { recursive: true });
    const weights = await readFile(join(bundle('bit'), 'weights.bin'));
    // The exponent of the first weight of the first convolution.
    weights[3] = (weights[3] as number) ^ 1;
    await writeFile(join(bundle('bit'), 'weights.bin'), weights);
    expect((await encoders('own', 'bit')).difference).toBeGreaterThan(1e-4);
  });

  it('finds answers of another shape, and what can not be run', async () => {
    const graph = (file: string) => join(bundle('own'), file);
    // Latents and reconstructions: the first output of one is not that of the other.
    expect((await compareGraphs([graph('encoder.onnx'), graph('reclassify.onnx')], images(2), [28, 28, 1])).difference).toBe(
      Number.POSITIVE_INFINITY,
    );
    await expect(compareGraphs([graph('encoder.onnx'), graph('decoder.onnx')], images(2), [28, 28, 1])).rejects.toThrow(ParityError);
    await expect(compareGraphs([graph('encoder.onnx'), graph('weights.bin')], images(2), [28, 28, 1])).rejects.toThrow(
      /weights\.bin can't be run by ONNX Runtime/,
    );
  });

  it('allows 1e-4, and no more', () => {
    const found = { id: '', images: 3, maxLatentDifference: 1e-4, maxReconstructionDifference: 0 };
    assertAgreement(found, 'there');
    for (const change of [{ maxLatentDifference: 2e-4 }, { maxReconstructionDifference: 2e-4 }, { maxLatentDifference: Number.NaN }])
      expect(() => assertAgreement({ ...found, ...change }, 'there')).toThrow(/allowed 0\.0001.*are in there/);
    expect(() => assertAgreement({ ...found, images: 0 }, 'there')).toThrow(ParityError);
  });
});

describe('cross-check of a run', () => {
  /** Stands in for Python: "converts" to the graphs of a bundle. */
  async function converterTo(name: string): Promise<string> {
    const path = join(root, `to-${name}`);
    await writeFile(path, `#!/bin/sh\ncp "${bundle(name)}"/*.onnx "${bundle(name)}"/weights.bin "$3"\n`);
    await chmod(path, 0o755);
    return path;
  }
  async function tinyRun(started = '2026-01-01T00:00:00.000Z'): Promise<Run> {
    const directory = join(root, 'run');
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'splits.json'), JSON.stringify({ validation: [0, 1, 2, 3] }));
    const { checksums } = await readMnist();
    const config = { name: 'tiny', checksums, started, dataset: 'mnist', dataDir: null, imageSize: null, channels: null };
    return { directory, config } as unknown as Run;
  }

  it('keeps graphs and figures beside the run, and replaces them as a whole', async () => {
    const run = await tinyRun();
    const wrong = await crossCheck(run, bundle('own'), await converterTo('other'));
    expect(wrong).toMatchObject({ images: 4, directory: join(run.directory, 'tf2onnx') });
    expect(() => assertAgreement(wrong, wrong.directory)).toThrow(/differ from those of tf2onnx on 4 images/);
    const { directory, ...found } = await crossCheck(run, bundle('own'), await converterTo('own'));
    expect(found).toMatchObject({ images: 4, maxLatentDifference: 0, maxReconstructionDifference: 0 });
    expect(JSON.parse(await readFile(join(directory, 'cross-check.json'), 'utf8'))).toEqual(found);
    expect((await readdir(run.directory)).sort()).toEqual(['splits.json', 'tf2onnx']);
  });

  it('refuses the bundle of another run, and says why a conversion failed', async () => {
    const python = await converterTo('own');
    await expect(crossCheck(await tinyRun('2026-02-02T00:00:00.000Z'), bundle('own'), python)).rejects.toThrow(
      /was exported from another run than tiny/,
    );
    const failing = join(root, 'failing');
    await writeFile(failing, '#!/bin/sh\necho "ValueError: no"\nexit 3\n', { mode: 0o755 });
    await expect(crossCheck(await tinyRun(), bundle('own'), failing)).rejects.toThrow(
      /could not convert .*\(exit code 3\):\nValueError: no/,
    );
  });
});
