import '../../node/no-telemetry.ts';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import { rebuildFolder } from '../../node/files/replace-folder.ts';
import { runProgram } from '../../node/processes/run-program.ts';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import { imagesAt } from '../../trainer/data/dataset.ts';
import { type Run, RunError, readSplits } from '../../trainer/run.ts';
import { openDatasetOf } from '../../trainer/run-images.ts';
import { largestDifference, ParityError, TOLERANCE } from '../parity.ts';
import { lastLines, PythonError } from './python-environment.ts';

const IMAGES = 256;
/** Images compared at once, which bounds the memory. */
const AT_ONCE = 32;
const CONVERT = fileURLToPath(new URL('convert.py', import.meta.url));
const PARTS = ['encoder', 'decoder'] as const;

/** Differences between the project's graphs and those that tf2onnx made of the same run. */
export interface CrossCheck {
  /** The bundle's. */
  id: string;
  images: number;
  /** Largest absolute difference of a latent value, and of a pixel decoded from the same latents (those of the images). */
  maxLatentDifference: number;
  maxReconstructionDifference: number;
}

/**
 * Converts a run's encoder and decoder with tensorflowjs_converter and tf2onnx, and compares them with those of its bundle on validation
 * images. The graphs stay in `runs/NAME/tf2onnx`, with the figures.
 *
 * @param bundle folder of a bundle that was exported from this run
 * @param python with tensorflowjs and tf2onnx
 * @throws RunError if the bundle is another run's; BundleError; PythonError if the conversion fails; AbortError
 */
export async function crossCheck(
  run: Run,
  bundle: string,
  python: string,
  signal?: AbortSignal,
): Promise<CrossCheck & { directory: string }> {
  const { screening } = await openBundle((file) => readFile(join(bundle, file)), [...PARTS]);
  const { name, started } = run.config;
  const { trained } = screening.provenance;
  if (trained !== started)
    throw new RunError(
      `${bundle} was exported from another run than ${name} (started ${trained}, not ${started}). Name its run with --run, or export ` +
        `this one (pnpm export --run ${name}).`,
    );
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

/** @throws ParityError with the figures if the graphs differ by more than is allowed */
export function assertAgreement({ images, maxLatentDifference, maxReconstructionDifference }: CrossCheck, directory: string): void {
  if (images > 0 && maxLatentDifference <= TOLERANCE && maxReconstructionDifference <= TOLERANCE) return;
  throw new ParityError(
    `the bundle's graphs differ from those of tf2onnx on ${images} images: latent by ${maxLatentDifference}, reconstruction by ` +
      `${maxReconstructionDifference} (allowed ${TOLERANCE}). One of the two exporters is wrong; the other graphs are in ${directory}.`,
  );
}

async function convert(python: string, model: string, directory: string, signal?: AbortSignal): Promise<void> {
  const env = { TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '-1' };
  const { code, output, errors } = await runProgram(python, [CONVERT, model, directory], {
    output: 'kept',
    env,
    signal,
  });
  if (code !== 0) throw new PythonError(`tf2onnx could not convert ${model} (exit code ${code}):\n${lastLines(output + errors, 15)}`);
}

/**
 * Runs two graphs with one input and one output each, whatever their names, on the same values, in onnxruntime-node.
 *
 * @param files paths of the graphs; external weights are found in the same folder
 * @param values [n, ...shape] flat
 * @param shape of one input
 * @returns the first graph's answers, and the largest absolute difference of a value: infinity for NaN or answers of another shape
 * @throws ParityError if one of them can't be run on these values
 */
export async function compareGraphs(
  files: readonly [string, string],
  values: Float32Array,
  shape: readonly number[],
): Promise<{ answers: Float32Array; difference: number }> {
  const sessions = await Promise.all(files.map((file) => ort.InferenceSession.create(file).catch(failed(file))));
  const size = shape.reduce((product, length) => product * length, 1);
  const count = values.length / size;
  let answers = new Float32Array();
  let difference = 0;
  try {
    for (let first = 0; first < values.length; first += AT_ONCE * size) {
      const part = values.slice(first, first + AT_ONCE * size);
      const input = new ort.Tensor('float32', part, [part.length / size, ...shape]);
      const [own, other] = (await Promise.all(
        sessions.map(async (session, i) => {
          const outputs = await session.run({ [session.inputNames[0] as string]: input }).catch(failed(files[i] as string));
          return outputs[session.outputNames[0] as string];
        }),
      )) as [ort.Tensor, ort.Tensor];
      const [expected, actual] = [own.data as Float32Array, other.data as Float32Array];
      const same = own.dims.join() === other.dims.join();
      difference = Math.max(difference, same ? largestDifference(actual, expected) : Number.POSITIVE_INFINITY);
      const each = expected.length / (part.length / size);
      if (first === 0) answers = new Float32Array(count * each);
      answers.set(expected, (first / size) * each);
    }
  } finally {
    for (const session of sessions) await session.release();
  }
  return { answers, difference };
}

const failed = (file: string) => (error: Error) => {
  throw new ParityError(`${file} can't be run by ONNX Runtime: ${error.message}`);
};
