import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import { decide } from '../shared/decision.ts';
import { relativeError } from '../shared/scores.ts';
import type { Screening } from '../shared/screening-schema.ts';
import type { GraphParts } from './graphs.ts';

export type Golden = Omit<Screening['golden'], 'image'> & { image: Float32Array };

/**
 * The image with which every reader can check that the graphs compute what they did when they were exported: the decoder's
 * image of a class mean (never a training image), and what screen.onnx answers for it. The first class whose image is
 * accepted; where none is, the one nearest to its mean.
 */
export async function goldenImage(
  session: ort.InferenceSession,
  parts: GraphParts & Pick<Screening, 'thresholds' | 'relativeErrorOffset'>,
): Promise<Golden> {
  const { height, width, channels } = parts.input;
  const size = height * width * channels;
  const d = (parts.means[0] as number[]).length;
  const images = tf.tidy(() => (parts.decoder.predict(tf.tensor2d(parts.means)) as tf.Tensor).dataSync() as Float32Array);
  const answers = await session.run({ image: new ort.Tensor('float32', images, [parts.means.length, height, width, channels]) });
  const floats = (name: string) => answers[name]?.data as Float32Array;
  const labels = answers.label?.data as BigInt64Array;
  const candidates = parts.means.map((_, i): Golden & { accepted: boolean } => {
    const image = images.slice(i * size, (i + 1) * size);
    const scores = {
      label: Number(labels[i]),
      latentDistance: floats('latent_distance')[i] as number,
      reconstructionError: floats('reconstruction_error')[i] as number,
    };
    const relative = relativeError(scores.reconstructionError, image, parts.relativeErrorOffset);
    const { accepted } = decide({ ...scores, relativeError: relative }, parts.thresholds);
    return { accepted, image, latent: Array.from(floats('latent').subarray(i * d, (i + 1) * d)), ...scores };
  });
  const nearest = candidates.reduce((best, candidate) => (candidate.latentDistance < best.latentDistance ? candidate : best));
  const { accepted: _, ...golden } = candidates.find(({ accepted }) => accepted) ?? nearest;
  return golden;
}
