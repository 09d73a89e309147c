import {
  type Context,
  constantOf,
  createValue,
  imageOf,
  listOf,
  type Operator,
  ofValue,
  sizeOf,
  unsupported,
  type Value,
} from './operator.ts';

/** Reshape, Transpose and Unsqueeze change only the shape: images stand channels last whatever ONNX says. */
function layout(context: Context, input: Value): Value {
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

/** Activations work in place. The compiler checks that no other node reads their input. */
const inPlace = (kernel: 'rectify' | 'sigmoid') =>
  ofValue(({ heap, steps }, input) => {
    const size = sizeOf(input.shape);
    steps.push((images) => heap.kernels[kernel](input.address, images * size));
    return input;
  });

/** MaxPool with windows that do not overlap and leave no pixel over. */
function maxPool(context: Context, input: Value): Value {
  const { node, heap, steps } = context;
  const [channels, height, width] = imageOf(context, input);
  const window = listOf(node, 'kernel_shape', []);
  const [rows, columns] = [height / (window[0] as number), width / (window[1] as number)];
  const padded = listOf(node, 'pads', [0]).some((pixels) => pixels !== 0);
  const dilated = listOf(node, 'dilations', [1]).some((rate) => rate !== 1);
  if (padded || dilated || listOf(node, 'strides', [1, 1]).join() !== window.join() || rows % 1 !== 0 || columns % 1 !== 0)
    unsupported(node, 'with windows that overlap, are padded or leave pixels over');
  const value = createValue(context, [channels, rows, columns], true);
  const size = [columns, channels, window[0] as number, window[1] as number] as const;
  steps.push((images) => heap.kernels.maxPool(input.address, value.address, images * rows, ...size));
  return value;
}

/** Resize that repeats each pixel. */
function upSample(context: Context, input: Value): Value {
  const { node, heap, steps } = context;
  const [channels, height, width] = imageOf(context, input);
  const { mode, coordinate_transformation_mode: coordinates, nearest_mode: rounding } = node.attributes;
  const [batch, depth, vertical, horizontal] = Array.from(constantOf(context, 2).values) as [number, number, number, number];
  const whole = [vertical, horizontal].every((factor) => Number.isInteger(factor) && factor > 0);
  if (`${mode} ${coordinates} ${rounding}` !== 'nearest asymmetric floor' || batch !== 1 || depth !== 1 || !whole)
    unsupported(node, 'other than by repeating pixels');
  const value = createValue(context, [channels, height * vertical, width * horizontal], true);
  steps.push((images) => heap.kernels.upSample(input.address, value.address, images * height, width, channels, vertical, horizontal));
  return value;
}

export const imageOperators: Record<string, Operator> = {
  Reshape: ofValue(layout),
  Transpose: ofValue(layout),
  Unsqueeze: ofValue(layout),
  Relu: inPlace('rectify'),
  Sigmoid: inPlace('sigmoid'),
  MaxPool: ofValue(maxPool),
  Resize: ofValue(upSample),
};
