import { type Box, boxOf } from './box.ts';
import type { Layer, UpperBound } from './layer.ts';
import { addInput, addTransposed, boundLinear, inputsOf, type Linear } from './linear.ts';

/** The inputs of a linear layer at each place that it is applied to. */
export interface Windows {
  /** Window w has the entries from starts[w] on, up to starts[w + 1]. */
  starts: Int32Array;
  /** Places of the entries in the layer's input, and among the columns of its matrix. */
  inputs: Int32Array;
  columns: Int32Array;
}

/** Returns the layer that applies a matrix to every window; result o of window w stands at o * windows + w. */
export function appliedTo({ starts, inputs, columns }: Windows, linear: Linear, shape: number[]): Layer {
  const count = starts.length - 1;
  const window = inputsOf(linear.inputs);
  return {
    ...{ shape, adds: true },
    bound({ lower, upper }) {
      const result = boxOf(shape);
      for (let w = 0; w < count; w++) {
        window.count = 0;
        for (let k = starts[w] as number; k < (starts[w + 1] as number); k++) {
          const at = inputs[k] as number;
          addInput(window, columns[k] as number, lower[at] as number, upper[at] as number);
        }
        boundLinear(linear, window, result, w, count);
      }
      return result;
    },
    pull: (bound, input, output) => pullThroughWindows(bound, input, output),
  };

  function pullThroughWindows(bound: UpperBound, input: Box, { rounding }: Box): UpperBound {
    const coefficients = new Float64Array(input.lower.length);
    const [own, sums] = [new Float64Array(linear.outputs), new Float64Array(linear.inputs)];
    let { constant } = bound;
    for (let w = 0; w < count; w++) {
      let isZero = true;
      for (let o = 0; o < linear.outputs; o++) {
        const at = o * count + w;
        const a = bound.coefficients[at] as number;
        own[o] = a;
        if (a === 0) continue;
        isZero = false;
        constant += a * (linear.bias[o] as number) + Math.abs(a) * (rounding?.[at] as number);
      }
      if (isZero) continue;
      sums.fill(0);
      addTransposed(linear, own, sums);
      for (let k = starts[w] as number; k < (starts[w + 1] as number); k++) {
        const at = inputs[k] as number;
        coefficients[at] = (coefficients[at] as number) + (sums[columns[k] as number] as number);
      }
    }
    return { coefficients, constant };
  }
}
