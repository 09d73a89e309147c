import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { decide } from '../shared/decision/decide.ts';
import { type Scores, scoresFromOutputs } from '../shared/decision/scores.ts';
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
  let nearest: Golden | undefined;
  // One by one: images of all classes may not fit into memory, and mostly the first will do.
  for (const mean of parts.means) {
    const image = tf.tidy(() => (parts.decoder.predict(tf.tensor2d([mean])) as tf.Tensor).dataSync() as Float32Array).slice();
    const answers = await session.run({ image: new ort.Tensor('float32', image, [1, height, width, channels]) });
    const scores = scoresFromOutputs('screen', answers, [image], parts)[0] as Scores;
    const { label, latentDistance, reconstructionError } = scores;
    const latent = Array.from(answers.latent?.data as Float32Array);
    const golden = { image, label, latent, latentDistance, reconstructionError };
    if (decide(scores, parts.thresholds).accepted) return golden;
    if (!nearest || golden.latentDistance < nearest.latentDistance) nearest = golden;
  }
  return nearest as Golden;
}
