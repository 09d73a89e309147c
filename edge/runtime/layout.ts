import { type Context, constantOf, listOf, sizeOf, unsupported, type Value } from './operator.ts';

/** Reshape, Transpose and Unsqueeze: only the shape changes, for images stand channels last whatever ONNX says. */
export function layout(context: Context, input: Value): Value {
  const { node } = context;
  if (node.op === 'Unsqueeze') {
    if (constantOf(context, 1).values.join() !== '1' || input.channelsLast) unsupported(node, 'elsewhere than before the rest');
    return { ...input, shape: [1, ...input.shape] };
  }
  if (node.op === 'Transpose') {
    const order = listOf(node, 'perm', []).join();
    const [a, b, c] = input.shape as [number, number, number];
    if (order === '0,3,1,2' && !input.channelsLast) return { ...input, shape: [c, a, b], channelsLast: true };
    if (order === '0,2,3,1' && input.channelsLast) return { ...input, shape: [b, c, a], channelsLast: false };
    return unsupported(node, `by ${order}`);
  }
  const [batch, ...shape] = Array.from(constantOf(context, 1).values) as [number, ...number[]];
  if (batch !== -1 || sizeOf(shape) !== sizeOf(input.shape)) unsupported(node, `to [${[batch, ...shape]}]`);
  // With one channel, both orders are the same.
  if (input.channelsLast && input.shape[0] !== 1) unsupported(node, 'of channels first');
  return { ...input, shape, channelsLast: shape.length === 3 && shape[0] === 1 };
}
