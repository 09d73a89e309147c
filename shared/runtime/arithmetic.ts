import { type Context, constantOf, createValue, listOf, type Operator, ofValue, sizeOf, unsupported, type Value } from './operator.ts';
import type { Constant } from './read-onnx.ts';

/** A value or a constant, as read for one image. */
interface Operand {
  shape: number[];
  read: (image: number) => Float32Array;
}

function operandOf({ heap, node }: Context, input: Value | Constant | undefined): Operand {
  if (!input) return unsupported(node, 'with an input left out');
  if ('values' in input) return { shape: input.shape, read: () => input.values };
  const size = sizeOf(input.shape);
  return { shape: input.shape, read: (image) => heap.floats(input.address + 4 * size * image, size) };
}

/** Adds a step that computes `value` image by image. */
function forEachImage(context: Context, value: Value, compute: (image: number, result: Float32Array) => void): Value {
  const size = sizeOf(value.shape);
  context.steps.push((images) => {
    for (let image = 0; image < images; image++) compute(image, context.heap.floats(value.address + 4 * size * image, size));
  });
  return value;
}

/** Abs of weights. */
const absolute: Operator = ({ node }, [input]) =>
  input && 'values' in input
    ? { shape: input.shape, values: input.values.map(Math.abs), absoluteOf: input }
    : unsupported(node, 'of what is no constant');

/** ReduceSum and ReduceSumSquare over the last axes, in double precision and rounded once. */
const reduction = (square: boolean) =>
  ofValue((context, input) => {
    const { node } = context;
    // Axes count from the batch, which `shape` leaves out.
    const axes = (node.inputs[1] ? Array.from(constantOf(context, 1).values) : listOf(node, 'axes', [])).map((axis) => axis - 1);
    const kept = input.shape.length - axes.length;
    const last = axes.length > 0 && [...axes].sort((a, b) => a - b).every((axis, i) => axis === kept + i);
    if (!last || (node.attributes.keepdims ?? 1) !== 0) unsupported(node, 'other than over the last axes');
    const { read } = operandOf(context, input);
    const each = sizeOf(input.shape.slice(kept));
    return forEachImage(context, createValue(context, input.shape.slice(0, kept)), (image, result) => {
      const x = read(image);
      for (let i = 0; i < result.length; i++) {
        let sum = 0;
        for (let j = i * each; j < (i + 1) * each; j++) sum += square ? (x[j] as number) * (x[j] as number) : (x[j] as number);
        result[i] = sum;
      }
    });
  });

/** ReduceMax of a vector; NaN if a value is NaN. */
const reduceMax = ofValue((context, input) => {
  const { keepdims = 1 } = context.node.attributes;
  if (listOf(context.node, 'axes', []).join() !== '1' || keepdims !== 0 || input.shape.length !== 1)
    unsupported(context.node, 'other than of a vector');
  const { read } = operandOf(context, input);
  return forEachImage(context, createValue(context, []), (image, result) => {
    result[0] = Math.max(...read(image));
  });
});

/** ArgMin of a vector; the first of equals. */
const argMin = ofValue((context, input) => {
  const { axis = 0, keepdims = 1 } = context.node.attributes;
  if (axis !== 1 || keepdims !== 0 || input.shape.length !== 1) unsupported(context.node, 'other than of a vector');
  const { read } = operandOf(context, input);
  return forEachImage(context, createValue(context, []), (image, result) => {
    const x = read(image);
    let least = 0;
    for (let i = 1; i < x.length; i++) if ((x[i] as number) < (x[least] as number)) least = i;
    result[0] = least;
  });
});

/** Gather of a row of a constant, by an index. */
const gather: Operator = (context, [table, index]) => {
  if (!table || !index || !('values' in table) || 'values' in index || (context.node.attributes.axis ?? 0) !== 0)
    return unsupported(context.node, 'other than of a row of a constant');
  const { read } = operandOf(context, index);
  const shape = table.shape.slice(1);
  const size = sizeOf(shape);
  return forEachImage(context, createValue(context, shape), (image, result) => {
    const at = (read(image)[0] as number) * size;
    result.set(table.values.subarray(at, at + size));
  });
};

/** MatMul of a row vector [1, K] and a matrix [K, n], both of the same image. */
const rowTimesMatrix: Operator = (context, inputs) => {
  const [a, b] = inputs.map((input) => operandOf(context, input)) as [Operand, Operand];
  const [length, n] = b.shape as [number, number];
  if (b.shape.length !== 2 || a.shape.length !== 2 || a.shape[0] !== 1 || a.shape[1] !== length)
    unsupported(context.node, `of [${a.shape}] and [${b.shape}]`);
  return forEachImage(context, createValue(context, [1, n]), (image, result) => {
    const [x, matrix] = [a.read(image), b.read(image)];
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += (x[k] as number) * (matrix[k * n + j] as number);
      result[j] = sum;
    }
  });
};

export const arithmeticOperators: Record<string, Operator> = {
  Abs: absolute,
  ReduceMax: reduceMax,
  ReduceSum: reduction(false),
  ReduceSumSquare: reduction(true),
  ArgMin: argMin,
  Gather: gather,
  MatMul: rowTimesMatrix,
};
