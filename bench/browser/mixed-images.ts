import { float32FromBase64 } from '../../shared/bundle/float32-base64.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { randomFrom } from '../../shared/random.ts';
import { imagesAt } from '../../trainer/data/dataset.ts';
import { readMnistTest } from '../../trainer/data/mnist.ts';

/**
 * Makes images for a model, from clean to pure noise, so that the scores of some lie near their thresholds: its golden image and, for a
 * model of MNIST's size, MNIST's test digits by turns; the first half nearly clean, then ever more of uniform noise.
 *
 * @returns float32 [count, H, W, C] in [0, 1], the same at every call
 */
export async function mixedImages({ input, golden }: Screening, count: number): Promise<Float32Array> {
  const { height, width, channels } = input;
  const size = height * width * channels;
  const random = randomFrom(18);
  const goldenImage = float32FromBase64(golden.image);
  const digits = height === 28 && width === 28 && channels === 1 ? await testDigits(count) : null;
  const images = new Float32Array(count * size);
  for (let i = 0; i < count; i++) {
    const clean = digits && i % 4 !== 0 ? digits.subarray(i * size, (i + 1) * size) : goldenImage;
    const share = Math.max(0.01, (2 * i) / count - 1);
    for (let j = 0; j < size; j++) images[i * size + j] = (1 - share) * (clean[j] as number) + share * random.uniform();
  }
  return images;
}

async function testDigits(count: number): Promise<Float32Array> {
  const { test } = await readMnistTest();
  return imagesAt(
    test,
    Array.from({ length: count }, (_, i) => i),
  );
}
