import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rebuildFolder } from '../../node/files/replace-folder.ts';
import { runProgram } from '../../node/processes/run-program.ts';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { imagesAt } from '../../trainer/data/dataset.ts';
import { type Run, RunError, readSplits } from '../../trainer/run.ts';
import { openDatasetOf } from '../../trainer/run-config.ts';
import { ParityError, TOLERANCE } from '../parity.ts';
import { compareGraphs } from './compare-graphs.ts';
import { lastLines, PythonError } from './python-environment.ts';

const IMAGES = 256;
const CONVERT = fileURLToPath(new URL('convert.py', import.meta.url));
const PARTS = ['encoder', 'decoder'] as const;

/** How far the project's graphs are from those that tf2onnx made of the same run. */
export interface CrossCheck {
  /** Of the bundle. */
  id: string;
  images: number;
  /** Largest absolute difference of a latent value, and of a pixel made from the same latents (those of the images). */
  maxLatentDifference: number;
  maxReconstructionDifference: number;
}

/**
 * Converts a run's encoder and decoder by tensorflowjs_converter and tf2onnx, and compares them with those of its bundle on
 * validation images. The graphs stay in `runs/NAME/tf2onnx`, with the figures.
 *
 * @param bundle folder of a bundle that was exported from this run
 * @param python with tensorflowjs and tf2onnx
 * @throws RunError where the bundle is another run's; BundleError; PythonError where the conversion fails; AbortError
 */
export async function crossCheck(
  run: Run,
  bundle: string,
  python: string,
  signal?: AbortSignal,
): Promise<CrossCheck & { directory: string }> {
  const { screening } = await openBundle((file) => readFile(join(bundle, file)), [...PARTS]);
  assertOf(run, screening, bundle);
  const dataset = await openDatasetOf(run);
  const images = imagesAt(dataset.train, (await readSplits(run)).validation.slice(0, IMAGES));
  const directory = join(run.directory, 'tf2onnx');
  return rebuildFolder(directory, 'encoder.onnx', async (fresh) => {
    await convert(python, join(run.directory, 'model'), fresh, signal);
    const pair = (part: (typeof PARTS)[number]) => [join(bundle, `${part}.onnx`), join(fresh, `${part}.onnx`)] as const;
    const { height, width, channels } = screening.input;
    const encoders = await compareGraphs(pair('encoder'), images, [height, width, channels]);
    const decoders = await compareGraphs(pair('decoder'), encoders.answers, [screening.latentDim]);
    const found: CrossCheck = {
      id: screening.id,
      images: images.length / (height * width * channels),
      maxLatentDifference: encoders.difference,
      maxReconstructionDifference: decoders.difference,
    };
    await writeFile(join(fresh, 'cross-check.json'), `${JSON.stringify(found, null, 2)}\n`);
    return { directory, ...found };
  });
}

/** @throws ParityError with the figures where the graphs differ by more than is allowed */
export function assertAgreement({ images, maxLatentDifference, maxReconstructionDifference }: CrossCheck, directory: string): void {
  if (images > 0 && maxLatentDifference <= TOLERANCE && maxReconstructionDifference <= TOLERANCE) return;
  throw new ParityError(
    `the bundle's graphs differ from those of tf2onnx on ${images} images: latent by ${maxLatentDifference}, reconstruction by ` +
      `${maxReconstructionDifference} (allowed ${TOLERANCE}). One of the two exporters is wrong; the other graphs are in ${directory}.`,
  );
}

function assertOf({ config }: Run, { provenance }: Screening, bundle: string): void {
  if (provenance.trained === config.started) return;
  throw new RunError(
    `${bundle} was exported from another run than ${config.name} (begun ${provenance.trained}, not ${config.started}). Name its run with --run, or export this one (pnpm export --run ${config.name}).`,
  );
}

async function convert(python: string, model: string, directory: string, signal?: AbortSignal): Promise<void> {
  const env = { TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '-1' };
  const { code, output, errors } = await runProgram(python, [CONVERT, model, directory], {
    output: 'kept',
    env,
    ...(signal ? { signal } : {}),
  });
  if (code !== 0) throw new PythonError(`tf2onnx could not convert ${model} (exit code ${code}):\n${lastLines(output + errors, 15)}`);
}
