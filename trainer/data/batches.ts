import type { Random } from '../../shared/random.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import type { LabelledImages } from './dataset.ts';

export interface Batch {
  count: number;
  /** [count, H, W, C] in [0, 1] */
  images: Float32Array;
  labels: Uint16Array;
}

/**
 * One epoch: the images at `indices` in a new order, each shifted by up to `maxShift` pixels each way (0 beyond the border).
 * The last batch may be smaller.
 */
export function* batches(
  data: LabelledImages,
  indices: readonly number[],
  options: { batchSize: number; maxShift: number; input: Screening['input'] },
  random: Random,
): Generator<Batch> {
  const order = random.shuffle([...indices]);
  const { batchSize, maxShift, input } = options;
  const size = input.height * input.width * input.channels;
  for (let first = 0; first < order.length; first += batchSize) {
    const chosen = order.slice(first, first + batchSize);
    const images = new Float32Array(chosen.length * size);
    chosen.forEach((index, i) => {
      const down = random.integer(-maxShift, maxShift);
      const right = random.integer(-maxShift, maxShift);
      copyShifted(data.image(index), images, i * size, input, down, right);
    });
    yield { count: chosen.length, images, labels: Uint16Array.from(chosen, (index) => data.labels[index] as number) };
  }
}

function copyShifted(
  from: Uint8Array,
  to: Float32Array,
  toAt: number,
  { height, width, channels }: Screening['input'],
  down: number,
  right: number,
): void {
  for (let row = Math.max(0, down); row < Math.min(height, height + down); row++) {
    const first = Math.max(0, right) * channels;
    const last = Math.min(width, width + right) * channels;
    const source = ((row - down) * width - right) * channels;
    for (let i = first; i < last; i++) to[toAt + row * width * channels + i] = (from[source + i] as number) / 255;
  }
}
