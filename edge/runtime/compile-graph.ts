import { CONVOLVE_TABLE_FLOATS } from '../../shared/kernels/geometry.ts';
import { convolution, transposedConvolution } from './convolution.ts';
import { dense } from './dense.ts';
import type { Heap } from './heap.ts';
import { layout } from './layout.ts';
import { type Context, type Step, sizeOf, unsupported, type Value } from './operator.ts';
import type { Constant, OnnxGraph, OnnxNode } from './read-onnx.ts';
import { arithmetic, indexOfLeast, reduction, row, rowTimesMatrix } from './small-operators.ts';

type Operator = (context: Context, inputs: (Value | Constant)[]) => Value;

/** Of a value, not of a constant. */
const ofValue =
  (operator: (context: Context, input: Value) => Value): Operator =>
  (context, [input]) =>
    !input || 'values' in input ? unsupported(context.node, 'of a constant') : operator(context, input);

/** In place: the graphs of this project use what comes before an activation nowhere else, which is checked. */
const inPlace = (kernel: 'rectify' | 'sigmoid') =>
  ofValue((context, input) => {
    const size = sizeOf(input.shape);
    context.steps.push((images) => context.heap.kernels[kernel](input.address, images * size));
    return input;
  });

const OPERATORS: Record<string, Operator> = {
  Conv: ofValue(convolution),
  ConvTranspose: ofValue(transposedConvolution),
  Gemm: ofValue(dense),
  Relu: inPlace('rectify'),
  Sigmoid: inPlace('sigmoid'),
  Reshape: ofValue(layout),
  Transpose: ofValue(layout),
  Unsqueeze: ofValue(layout),
  Identity: ofValue((_, input) => input),
  Add: arithmetic,
  Sub: arithmetic,
  Mul: arithmetic,
  ReduceSum: ofValue(reduction),
  ReduceSumSquare: ofValue(reduction),
  ArgMin: ofValue(indexOfLeast),
  Gather: row,
  MatMul: rowTimesMatrix,
};

export interface CompiledGraph {
  input: Value;
  outputs: Map<string, Value>;
  run: Step;
}

/**
 * Gives every value of the graph its place and every node its step; weights are packed now, so a run is kernels only.
 *
 * @param image shape of the graph's one input, [H, W, C]
 * @param capacity images that a run may have
 * @throws UnsupportedGraphError naming the node that can't be run
 */
export function compileGraph(heap: Heap, graph: OnnxGraph, image: number[], capacity: number): CompiledGraph {
  const steps: Step[] = [];
  const input: Value = { address: heap.allocate(capacity * sizeOf(image)), shape: image, channelsLast: false };
  const values = new Map<string, Value>([['image', input]]);
  const table = heap.allocate(CONVOLVE_TABLE_FLOATS);
  for (const node of graph.nodes) {
    const operator = OPERATORS[node.op] ?? unsupported(node, `(allowed: ${Object.keys(OPERATORS).join(', ')})`);
    if ((node.op === 'Relu' || node.op === 'Sigmoid') && isUsedElsewhere(graph, node, values))
      unsupported(node, 'of a value that is used elsewhere');
    const inputs = node.inputs.map(
      (name) => values.get(name) ?? graph.constants.get(name) ?? unsupported(node, `of ${name}, which nothing gives`),
    );
    const context: Context = { heap, capacity, node, constants: graph.constants, table, steps };
    values.set(node.output, operator(context, inputs));
  }
  const outputs = new Map(
    graph.outputs.map((name) => {
      const value = values.get(name);
      if (!value) throw new RangeError(`screen.onnx names the output ${name}, but no node gives it`);
      return [name, value] as const;
    }),
  );
  return {
    input,
    outputs,
    run(images) {
      for (const step of steps) step(images);
    },
  };
}

/** Whether what `node` works on in place is read by another node, or answered, by any of the names that it has. */
function isUsedElsewhere(graph: OnnxGraph, node: OnnxNode, values: Map<string, Value>): boolean {
  const { address } = values.get(node.inputs[0] ?? '') ?? {};
  const names = new Set([...values].flatMap(([name, value]) => (value.address === address ? [name] : [])));
  // A node that only gives it another name does not count; who reads that name does.
  const readers = graph.nodes.filter((other) => other.inputs.some((name) => names.has(name)) && !names.has(other.output));
  return readers.some((other) => other !== node) || graph.outputs.some((name) => names.has(name));
}
