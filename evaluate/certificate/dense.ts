import { type Box, boxOf } from './box.ts';
import { type ReadLayer, unsupported } from './layer.ts';
import { addInput, boundLinear, inputsOf, type Linear, linearOf } from './linear.ts';

/** x W + b, with W [in, out]. */
export const dense: ReadLayer = (node, shape, [weights, bias]) => {
  const { alpha = 1, beta = 1, transA = 0, transB = 0 } = node.attributes;
  const [inputs, outputs] = weights?.shape ?? [];
  if (!weights || !bias || shape.length !== 1 || inputs !== shape[0] || outputs !== bias.values.length)
    unsupported(node, `it multiplies [N,${shape}] by [${weights?.shape}] and adds [${bias?.shape}]; constants that fit have bounds`);
  if (alpha !== 1 || beta !== 1 || transA !== 0 || transB !== 0) unsupported(node, 'it has alpha, beta, transA or transB');
  const linear = linearOf(shape[0] as number, bias.values, (o, i) => weights.values[i * bias.values.length + o] as number);
  return { shape: [linear.outputs], linear, bound: (input) => boundDense(linear, input) };
};

/** Returns the box of W x + b for a box of x. */
export function boundDense(linear: Linear, { lower, upper }: Box): Box {
  const inputs = inputsOf(linear.inputs);
  for (let i = 0; i < linear.inputs; i++) addInput(inputs, i, lower[i] as number, upper[i] as number);
  const result = boxOf([linear.outputs]);
  boundLinear(linear, inputs, result.lower, result.upper);
  return result;
}
