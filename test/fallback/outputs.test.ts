import { expect, it } from 'vitest';
import { readOutputs } from '../../fallback/outputs.ts';

it('gives a graph of an older export, which tells no other class, a margin of 1', () => {
  const outputs = {
    label: { data: new BigInt64Array(2) },
    latent: { data: new Float32Array(20) },
    latent_distance: { data: new Float32Array(2) },
    reconstruction_error: { data: Float32Array.of(3, 0.5) },
    model_id: { data: ['a', 'a'] },
  };
  const { runnerUp, runnerUpError } = readOutputs(outputs, 2);
  expect([[...runnerUp], [...runnerUpError]]).toEqual([
    [-1n, -1n],
    [3, 0.5],
  ]);
});
