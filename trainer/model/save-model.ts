import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { rebuildFolder, recoverFolder } from '../../node/files/replace-folder.ts';
import { DataError } from '../data/dataset.ts';
import type { Model } from './build-model.ts';

/**
 * Writes encoder and decoder as tfjs layers models into `directory` (`encoder/model.json`, `encoder/weights.bin`, …). They are written
 * beside the folder, which is then replaced as a whole: a reader finds the old pair or the new one.
 */
export async function saveModel(directory: string, model: Model): Promise<void> {
  await rebuildFolder(directory, 'encoder', async (fresh) => {
    for (const part of ['encoder', 'decoder'] as const) await savePart(join(fresh, part), model[part]);
  });
}

/** Reads a saved model. @throws DataError naming the folder if a part is missing or damaged */
export async function loadModel(directory: string): Promise<Model> {
  await recoverFolder(directory);
  return { encoder: await loadPart(join(directory, 'encoder')), decoder: await loadPart(join(directory, 'decoder')) };
}

async function savePart(directory: string, part: tf.LayersModel): Promise<void> {
  await mkdir(directory, { recursive: true });
  await part.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData, format, generatedBy }) => {
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      const bytes = new Uint8Array(weightData as ArrayBuffer);
      await writeFile(join(directory, 'weights.bin'), bytes);
      await writeFile(join(directory, 'model.json'), JSON.stringify({ format, generatedBy, modelTopology, weightsManifest }));
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON', weightDataBytes: bytes.byteLength } };
    }),
  );
}

async function loadPart(directory: string): Promise<tf.LayersModel> {
  try {
    const { modelTopology, weightsManifest } = JSON.parse(await readFile(join(directory, 'model.json'), 'utf8'));
    const bytes = await readFile(join(directory, 'weights.bin'));
    const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    return await tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }));
  } catch (error) {
    throw new DataError(
      `${directory} does not hold a trained model that can be read (${(error as Error).message}). Train again, or name another run.`,
    );
  }
}
