import { type Context, createValue, type Operator, sizeOf, unsupported, type Value } from './operator.ts';
import type { Constant } from './read-onnx.ts';

/** An operand in the kernels' memory. */
interface Operand {
  address: number;
  /** Values of an image; a constant has as many as the result. */
  length: number;
  /** Bytes from one image's values to the next one's: 0 for a constant. */
  imageBytes: number;
  /** Bytes from four values to the next four: 0 where four copies of a single constant stand for all. */
  step: number;
}

/** Places a constant in the kernels' memory, where a shorter one than the result is repeated. */
function placed({ heap }: Context, input: Value | Constant, size: number): Operand {
  if ('address' in input) {
    const length = sizeOf(input.shape);
    return { address: input.address, length, imageBytes: 4 * length, step: 16 };
  }
  const isSingle = input.values.length === 1;
  const count = isSingle ? 4 : size;
  const address = heap.allocate(count);
  const whole = heap.floats(address, count);
  for (let at = 0; at < count; at += input.values.length) whole.set(input.values, at);
  return { address, length: size, imageBytes: 0, step: isSingle ? 0 : 16 };
}

/** Two operands, if the smaller shape without its leading ones is the end of the larger shape. */
const elementwise =
  (kernel: 'add' | 'subtract' | 'multiply' | 'maximum' | 'minimum'): Operator =>
  (context, [a, b, ...more]) => {
    const { node, heap, steps } = context;
    if (!a || !b || more.length > 0) return unsupported(node, `of ${node.inputs.length} operands`);
    if ('values' in a && 'values' in b) return unsupported(node, 'of constants alone');
    const [{ shape }, smaller] = sizeOf(a.shape) < sizeOf(b.shape) ? [b, a] : [a, b];
    const ones = smaller.shape.findIndex((length) => length !== 1);
    const end = smaller.shape.slice(Math.max(0, ones));
    if (sizeOf(end) !== 1 && !end.every((length, i) => length === shape[shape.length - end.length + i]))
      unsupported(node, `of [${a.shape}] and [${b.shape}]`);
    const channelsLast = [a, b].some((input) => 'channelsLast' in input && input.channelsLast);
    const value = createValue(context, shape, channelsLast);
    const size = sizeOf(shape);
    const [x, y] = [placed(context, a, size), placed(context, b, size)];
    // A shorter value is repeated. The last vector may reach into the values behind it, which are written later.
    const run = Math.min(x.length, y.length);
    const areAdjacent = [x, y].every(({ imageBytes, step }) => imageBytes === 4 * size || step === 0);
    const from = ({ address, length, imageBytes, step }: Operand, image: number, at: number) =>
      address + image * imageBytes + (length === size && step > 0 ? 4 * at : 0);
    const operate = heap.kernels[kernel];
    steps.push((images) => {
      if (areAdjacent) {
        operate(x.address, x.step, y.address, y.step, value.address, images * size);
        return;
      }
      for (let image = 0; image < images; image++)
        for (let at = 0; at < size; at += run)
          operate(from(x, image, at), x.step, from(y, image, at), y.step, value.address + 4 * (image * size + at), run);
    });
    return value;
  };

export const elementwiseOperators: Record<string, Operator> = {
  Add: elementwise('add'),
  Sub: elementwise('subtract'),
  Mul: elementwise('multiply'),
  Max: elementwise('maximum'),
  Min: elementwise('minimum'),
};
