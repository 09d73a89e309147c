import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomFrom } from '../../shared/random.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { convGradients, productOf } from './reference-gradients.ts';

beforeAll(useWasm);

const random = randomFrom(7, 'kernels');
const values = (count: number) => Float32Array.from({ length: count }, () => random.normal());

/** Largest difference, relative to the size of the sums. */
function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(1, ...Array.from(expected, Math.abs));
  return Math.max(0, ...Array.from(expected, (value, i) => Math.abs(value - (actual[i] as number)) / scale));
}

const pads = fc.constantFrom<'same' | 'valid'>('same', 'valid');
const convolution = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  height: fc.integer({ min: 4, max: 9 }),
  width: fc.integer({ min: 4, max: 9 }),
  cin: fc.constantFrom(1, 2, 3, 4, 5, 9, 17),
  cout: fc.constantFrom(1, 2, 3, 4, 7, 8, 9, 18),
  kernel: fc.constantFrom([1, 1], [2, 2], [3, 3], [4, 4], [3, 2], [1, 3], [5, 5]),
  stride: fc.constantFrom(1, 2, 3),
  pad: pads,
});

interface Case {
  batch: number;
  height: number;
  width: number;
  cin: number;
  cout: number;
  kernel: readonly number[];
  stride: number;
  pad: 'same' | 'valid';
}

/** Result and gradients are those of the plain loops. */
function agree({ batch, height, width, cin, cout, kernel, stride, pad }: Case): void {
  const [fh, fw] = kernel as [number, number];
  const x = tf.tensor4d(values(batch * height * width * cin), [batch, height, width, cin]);
  const filter = tf.tensor4d(values(fh * fw * cin * cout), [fh, fw, cin, cout]);
  const y = tf.conv2d(x, filter, stride, pad);
  const dy = tf.tensor4d(values(y.size), y.shape);
  const [dx, dFilter] = tf.grads((a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad))([x, filter], dy) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const expected = convGradients(x, filter, dy, stride, pad);
  expect(difference(y.dataSync(), expected.y)).toBeLessThan(1e-5);
  expect(difference(dx.dataSync(), expected.dx)).toBeLessThan(1e-5);
  expect(difference(dFilter.dataSync(), expected.dFilter)).toBeLessThan(1e-5);
  tf.dispose([x, filter, y, dy, dx, dFilter]);
}

describe('convolutions on wasm and their gradients', () => {
  it('equal those of a plain seven-loop convolution, any stride, padding and size', () => {
    fc.assert(fc.property(convolution, agree), { numRuns: 150, seed: 1 });
  });

  it('equal it too with many channels, 4x4 and stride 2, as in the strided models', () => {
    const even = fc.constantFrom(4, 5, 8, 12, 13);
    const channels = fc.constantFrom(16, 20, 36);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), even, even, channels, channels, pads, (batch, height, width, cin, cout, pad) => {
        agree({ batch, height, width, cin, cout, kernel: [4, 4], stride: 2, pad });
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  it('equal numerical derivatives of the loss', () => {
    const x = tf.tensor4d(values(2 * 5 * 4 * 2), [2, 5, 4, 2]);
    const filter = tf.tensor4d(values(3 * 3 * 2 * 3), [3, 3, 2, 3]);
    const loss = (a: tf.Tensor, b: tf.Tensor) =>
      tf
        .conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 2, 'same')
        .square()
        .sum() as tf.Scalar;
    const [dx, dFilter] = tf.grads(loss)([x, filter]) as [tf.Tensor, tf.Tensor];
    const numerical = (tensor: tf.Tensor, at: (moved: tf.Tensor) => tf.Scalar) =>
      Array.from({ length: tensor.size }, (_, i) => {
        const moved = (by: number) => {
          const data = tensor.dataSync().slice();
          data[i] = (data[i] as number) + by;
          return at(tf.tensor(data, tensor.shape)).dataSync()[0] as number;
        };
        return (moved(0.01) - moved(-0.01)) / 0.02;
      });
    expect(
      difference(
        dx.dataSync(),
        numerical(x, (moved) => loss(moved, filter)),
      ),
    ).toBeLessThan(2e-3);
    expect(
      difference(
        dFilter.dataSync(),
        numerical(filter, (moved) => loss(x, moved)),
      ),
    ).toBeLessThan(2e-3);
  });

  it('are right where a batch is treated in several parts', () => {
    const [batch, size, channels] = [40, 28, 16];
    const x = tf.tensor4d(values(batch * size * size * channels), [batch, size, size, channels]);
    const filter = tf.tensor4d(values(3 * 3 * channels), [3, 3, channels, 1]);
    const dy = tf.tensor4d(values(batch * size * size), [batch, size, size, 1]);
    const whole = tf.grads((a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same'))([x, filter], dy)[1] as tf.Tensor;
    expect(difference(whole.dataSync(), convGradients(x, filter, dy, 1, 'same').dFilter)).toBeLessThan(1e-4);
  });

  it('keep no tensor', () => {
    for (const channels of [2, 16]) {
      const x = tf.ones([2, 8, 8, channels]) as tf.Tensor4D;
      const filter = tf.ones([4, 4, channels, channels]) as tf.Tensor4D;
      const once = () =>
        tf.tidy(() => void tf.grads((a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 2, 'same').sum())([x, filter]));
      once();
      const before = { tensors: tf.memory().numTensors, buffers: tf.memory().numDataBuffers };
      for (let i = 0; i < 5; i++) once();
      expect({ tensors: tf.memory().numTensors, buffers: tf.memory().numDataBuffers }).toEqual(before);
    }
  });

  it('are the same bits each time', () => {
    const x = tf.tensor4d(values(6 * 16 * 16 * 16), [6, 16, 16, 16]);
    const filter = tf.tensor4d(values(4 * 4 * 16 * 20), [4, 4, 16, 20]);
    const once = () =>
      tf
        .grads((a, b) =>
          tf
            .conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 2, 'same')
            .square()
            .sum(),
        )([x, filter])
        .map((gradient) => gradient.dataSync());
    expect(once()).toEqual(once());
  });

  it('take a bias and an activation where no gradient is wanted, narrow and wide', () => {
    for (const [cin, cout] of [
      [2, 1],
      [3, 10],
      [16, 16],
    ] as const) {
      const x = tf.tensor4d(values(2 * 8 * 8 * cin), [2, 8, 8, cin]);
      const filter = tf.tensor4d(values(16 * cin * cout), [4, 4, cin, cout]);
      const bias = tf.tensor1d(values(cout));
      for (const activation of ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'] as const) {
        const fused = tf.fused.conv2d({ x, filter, strides: 2, pad: 'same', bias, activation, leakyreluAlpha: 0.1 });
        const sum = tf.conv2d(x, filter, 2, 'same').add(bias);
        const apart = {
          linear: sum,
          relu: sum.relu(),
          relu6: sum.relu6(),
          elu: sum.elu(),
          sigmoid: sum.sigmoid(),
          leakyrelu: sum.leakyRelu(0.1),
        };
        expect(difference(fused.dataSync(), apart[activation].dataSync())).toBeLessThan(1e-5);
      }
    }
  });
});

describe('matrix product on wasm', () => {
  it('equals a plain triple loop, each operand transposed or not', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 150 }));
    fc.assert(
      fc.property(
        size,
        size,
        size,
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        fc.boolean(),
        (n, k, m, batch, transposeA, transposeB) => {
          const a = tf.tensor3d(values(batch * n * k), transposeA ? [batch, k, n] : [batch, n, k]);
          const b = tf.tensor3d(values(batch * k * m), transposeB ? [batch, m, k] : [batch, k, m]);
          const product = tf.matMul(a, b, transposeA, transposeB);
          expect(product.shape).toEqual([batch, n, m]);
          expect(difference(product.dataSync(), productOf(a, b, transposeA, transposeB))).toBeLessThan(1e-5);
          tf.dispose([a, b, product]);
        },
      ),
      { numRuns: 100, seed: 2 },
    );
  });
});
