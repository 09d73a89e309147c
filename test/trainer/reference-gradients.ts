import type * as tf from '@tensorflow/tfjs';

/** A 2-D convolution and its gradients written as plain loops in doubles, from the definition. */
export function convGradients(x: tf.Tensor4D, filter: tf.Tensor4D, dy: tf.Tensor4D, stride: number, pad: 'same' | 'valid') {
  const [batch, height, width, cin] = x.shape;
  const [fh, fw, , cout] = filter.shape;
  const [, outHeight, outWidth] = dy.shape;
  // TensorFlow's 'same': what is missing is split, the odd pixel at the bottom and right.
  const before = (size: number, out: number, kernel: number) =>
    pad === 'valid' ? 0 : Math.floor(Math.max((out - 1) * stride + kernel - size, 0) / 2);
  const top = before(height, outHeight, fh);
  const left = before(width, outWidth, fw);
  const [xs, ws, ys] = [x.dataSync(), filter.dataSync(), dy.dataSync()];
  const y = new Float64Array(dy.size);
  const dx = new Float64Array(x.size);
  const dFilter = new Float64Array(filter.size);
  for (let n = 0; n < batch; n++)
    for (let oh = 0; oh < outHeight; oh++)
      for (let ow = 0; ow < outWidth; ow++)
        for (let i = 0; i < fh; i++)
          for (let j = 0; j < fw; j++) {
            const [row, column] = [oh * stride + i - top, ow * stride + j - left];
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            for (let ci = 0; ci < cin; ci++)
              for (let co = 0; co < cout; co++) {
                const out = ((n * outHeight + oh) * outWidth + ow) * cout + co;
                const slope = ys[out] as number;
                const at = ((n * height + row) * width + column) * cin + ci;
                const weight = ((i * fw + j) * cin + ci) * cout + co;
                y[out] = (y[out] as number) + (xs[at] as number) * (ws[weight] as number);
                dx[at] = (dx[at] as number) + slope * (ws[weight] as number);
                dFilter[weight] = (dFilter[weight] as number) + slope * (xs[at] as number);
              }
          }
  return { y, dx, dFilter };
}

export function productOf(a: tf.Tensor3D, b: tf.Tensor3D, transposeA: boolean, transposeB: boolean): Float64Array {
  const [batch] = a.shape;
  const [n, k] = transposeA ? [a.shape[2], a.shape[1]] : [a.shape[1], a.shape[2]];
  const m = transposeB ? b.shape[1] : b.shape[2];
  const [as, bs] = [a.dataSync(), b.dataSync()];
  const product = new Float64Array(batch * n * m);
  for (let q = 0; q < batch; q++)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < m; j++)
        for (let l = 0; l < k; l++) {
          const left = as[q * n * k + (transposeA ? l * n + i : i * k + l)] as number;
          const right = bs[q * k * m + (transposeB ? j * k + l : l * m + j)] as number;
          product[(q * n + i) * m + j] = (product[(q * n + i) * m + j] as number) + left * right;
        }
  return product;
}
