import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Model } from './build-model.ts';

/**
 * Writes encoder and decoder as tfjs layers models below `directory` (`encoder/model.json`, `encoder/weights.bin`, …).
 * Each is made beside and renamed into place, so a reader finds the old one or the new one, whole.
 */
export async function saveModel(directory: string, model: Model): Promise<void> {
  for (const part of ['encoder', 'decoder'] as const) await savePart(join(directory, part), model[part]);
}

/** @throws Error naming the folder where a part is missing or damaged */
export async function loadModel(directory: string): Promise<Model> {
  return { encoder: await loadPart(join(directory, 'encoder')), decoder: await loadPart(join(directory, 'decoder')) };
}

async function savePart(directory: string, part: tf.LayersModel): Promise<void> {
  const fresh = `${directory}.${process.pid}.tmp`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  await part.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData, format, generatedBy }) => {
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      const bytes = new Uint8Array(weightData as ArrayBuffer);
      await writeFile(join(fresh, 'weights.bin'), bytes);
      await writeFile(join(fresh, 'model.json'), JSON.stringify({ format, generatedBy, modelTopology, weightsManifest }));
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON', weightDataBytes: bytes.byteLength } };
    }),
  );
  const old = `${directory}.${process.pid}.old.tmp`;
  await rename(directory, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(fresh, directory);
  await rm(old, { recursive: true, force: true });
}

async function loadPart(directory: string): Promise<tf.LayersModel> {
  try {
    const { modelTopology, weightsManifest } = JSON.parse(await readFile(join(directory, 'model.json'), 'utf8'));
    const bytes = await readFile(join(directory, 'weights.bin'));
    const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    return await tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }));
  } catch (error) {
    throw new Error(
      `${directory} does not hold a trained model that can be read (${(error as Error).message}). Train again, or name another run.`,
    );
  }
}
