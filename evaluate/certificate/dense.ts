import { type ReadLayer, unsupported } from './layer.ts';
import { linearOf } from './linear.ts';
import { appliedTo } from './windows.ts';

/** x W + b, with W [in, out]. */
export const dense: ReadLayer = (node, shape, [weights, bias]) => {
  const { alpha = 1, beta = 1, transA = 0, transB = 0 } = node.attributes;
  const [inputs = 0, outputs] = weights?.shape ?? [];
  if (!weights || !bias || shape.length !== 1 || inputs !== shape[0] || outputs !== bias.values.length)
    unsupported(node, `it multiplies [N,${shape}] by [${weights?.shape}] and adds [${bias?.shape}]; constants that fit have bounds`);
  if (alpha !== 1 || beta !== 1 || transA !== 0 || transB !== 0) unsupported(node, 'it has alpha, beta, transA or transB');
  const linear = linearOf(inputs, bias.values, (o, i) => weights.values[i * bias.values.length + o] as number);
  const all = Int32Array.from({ length: inputs }, (_, i) => i);
  return appliedTo({ starts: Int32Array.of(0, inputs), inputs: all, columns: all }, linear, [linear.outputs]);
};
