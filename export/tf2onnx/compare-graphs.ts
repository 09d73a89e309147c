import * as ort from 'onnxruntime-node';
import { largestDifference, ParityError } from '../parity.ts';

/** Bounds the memory. */
const AT_ONCE = 32;

/**
 * Runs two graphs of one input and one output, whatever these are called, on the same values, in onnxruntime-node.
 *
 * @param files paths of the graphs; external weights are found beside them
 * @param values [n, ...shape] flat
 * @param shape of one input
 * @returns what the first answers, and the largest absolute difference of a value (infinite where they answer other shapes, or NaN)
 * @throws ParityError where one of them can't be run on this
 */
export async function compareGraphs(
  files: readonly [string, string],
  values: Float32Array,
  shape: readonly number[],
): Promise<{ answers: Float32Array; difference: number }> {
  const sessions = await Promise.all(files.map((file) => sessionOf(file)));
  const size = shape.reduce((product, length) => product * length, 1);
  const answers: Float32Array[] = [];
  let difference = 0;
  try {
    for (let first = 0; first < values.length; first += AT_ONCE * size) {
      const part = values.slice(first, first + AT_ONCE * size);
      const input = new ort.Tensor('float32', part, [part.length / size, ...shape]);
      const [own, other] = await Promise.all(sessions.map((session) => answerOf(session, input)));
      const same = own?.dims.join() === other?.dims.join();
      difference = same
        ? Math.max(difference, largestDifference(other?.data as Float32Array, own?.data as Float32Array))
        : Number.POSITIVE_INFINITY;
      answers.push(own?.data as Float32Array);
    }
  } finally {
    for (const { session } of sessions) await session.release();
  }
  const all = new Float32Array(answers.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of answers) {
    all.set(part, at);
    at += part.length;
  }
  return { answers: all, difference };
}

interface Opened {
  file: string;
  session: ort.InferenceSession;
}

async function sessionOf(file: string): Promise<Opened> {
  return { file, session: await ort.InferenceSession.create(file).catch(failed(file)) };
}

async function answerOf({ file, session }: Opened, input: ort.Tensor): Promise<ort.Tensor> {
  const answers = await session.run({ [session.inputNames[0] as string]: input }).catch(failed(file));
  return answers[session.outputNames[0] as string] as ort.Tensor;
}

const failed = (file: string) => (error: Error) => {
  throw new ParityError(`${file} can't be run by ONNX Runtime: ${error.message}`);
};
