import { type Context, constantOf, createValue, listOf, sizeOf, unsupported, type Value } from './operator.ts';
import type { Constant } from './read-onnx.ts';

/** Reads a value of an image, or a constant. */
type Operand = { shape: number[]; read: (image: number) => Float32Array };

function operandOf({ heap }: Context, input: Value | Constant): Operand {
  if ('values' in input) return { shape: input.shape, read: () => input.values };
  const size = sizeOf(input.shape);
  return { shape: input.shape, read: (image) => heap.floats(input.address + 4 * size * image, size) };
}

function forEach(context: Context, value: Value, work: (image: number, result: Float32Array) => void): Value {
  const size = sizeOf(value.shape);
  context.steps.push((images) => {
    for (let image = 0; image < images; image++) work(image, context.heap.floats(value.address + 4 * size * image, size));
  });
  return value;
}

const ARITHMETIC: Record<string, (a: number, b: number) => number> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
};

/** Add, Sub and Mul, where the smaller shape is the end of the larger one, but for ones. */
export function arithmetic(context: Context, inputs: (Value | Constant)[]): Value {
  const [a, b] = inputs.map((input) => operandOf(context, input)) as [Operand, Operand];
  const operator = ARITHMETIC[context.node.op] as (a: number, b: number) => number;
  const [sizeA, sizeB] = [sizeOf(a.shape), sizeOf(b.shape)];
  const shape = sizeA >= sizeB ? a.shape : b.shape;
  const small = (sizeA >= sizeB ? b.shape : a.shape).slice(
    Math.max(
      0,
      (sizeA >= sizeB ? b.shape : a.shape).findIndex((length) => length !== 1),
    ),
  );
  const fits = sizeOf(small) === 1 || small.every((length, i) => length === shape[shape.length - small.length + i]);
  if (!fits) unsupported(context.node, `of [${a.shape}] and [${b.shape}]`);
  const value = createValue(
    context,
    shape,
    inputs.some((input) => 'channelsLast' in input && input.channelsLast),
  );
  return forEach(context, value, (image, result) => {
    const [x, y] = [a.read(image), b.read(image)];
    for (let i = 0; i < result.length; i++) result[i] = operator(x[i % sizeA] as number, y[i % sizeB] as number);
  });
}

/** ReduceSum and ReduceSumSquare over the last axes; in double precision, rounded once. */
export function reduction(context: Context, input: Value): Value {
  const { node } = context;
  // Axes count from the batch, which the shape here is without.
  const axes = (node.inputs[1] ? Array.from(constantOf(context, 1).values) : listOf(node, 'axes', [])).map((axis) => axis - 1);
  const kept = input.shape.length - axes.length;
  const last = axes.length > 0 && [...axes].sort((a, b) => a - b).every((axis, i) => axis === kept + i);
  if (!last || (node.attributes.keepdims ?? 1) !== 0) unsupported(node, 'other than over the last axes');
  const { read } = operandOf(context, input);
  const value = createValue(context, input.shape.slice(0, kept));
  const each = sizeOf(input.shape.slice(kept));
  const square = node.op === 'ReduceSumSquare';
  return forEach(context, value, (image, result) => {
    const x = read(image);
    for (let i = 0; i < result.length; i++) {
      let sum = 0;
      for (let j = i * each; j < (i + 1) * each; j++) sum += square ? (x[j] as number) * (x[j] as number) : (x[j] as number);
      result[i] = sum;
    }
  });
}

/** ArgMin of a vector, the first of equals. */
export function indexOfLeast(context: Context, input: Value): Value {
  const { axis = 0, keepdims = 1 } = context.node.attributes;
  if (axis !== 1 || keepdims !== 0 || input.shape.length !== 1) unsupported(context.node, 'other than of a vector');
  const { read } = operandOf(context, input);
  return forEach(context, createValue(context, []), (image, result) => {
    const x = read(image);
    let least = 0;
    for (let i = 1; i < x.length; i++) if ((x[i] as number) < (x[least] as number)) least = i;
    result[0] = least;
  });
}

/** Gather: the row of a constant that the index names. */
export function row(context: Context, inputs: (Value | Constant)[]): Value {
  const [table, index] = inputs as [Constant, Value];
  if (!('values' in table) || 'values' in index || (context.node.attributes.axis ?? 0) !== 0)
    unsupported(context.node, 'other than of a row of a constant');
  const { read } = operandOf(context, index);
  const shape = table.shape.slice(1);
  const size = sizeOf(shape);
  return forEach(context, createValue(context, shape), (image, result) => {
    const at = (read(image)[0] as number) * size;
    result.set(table.values.subarray(at, at + size));
  });
}

/** MatMul of a row vector [1, K] and a matrix [K, n] of the same image. */
export function rowTimesMatrix(context: Context, inputs: (Value | Constant)[]): Value {
  const [a, b] = inputs.map((input) => operandOf(context, input)) as [Operand, Operand];
  const [length, n] = b.shape as [number, number];
  if (b.shape.length !== 2 || a.shape.length !== 2 || a.shape[0] !== 1 || a.shape[1] !== length)
    unsupported(context.node, `of [${a.shape}] and [${b.shape}]`);
  return forEach(context, createValue(context, [1, n]), (image, result) => {
    const [x, matrix] = [a.read(image), b.read(image)];
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += (x[k] as number) * (matrix[k * n + j] as number);
      result[j] = sum;
    }
  });
}
