import { CONVOLVE_TABLE_FLOATS } from '../kernels/geometry.ts';
import { arithmeticOperators } from './arithmetic.ts';
import { convolutionOperators } from './convolution.ts';
import { denseOperators } from './dense.ts';
import { elementwiseOperators } from './elementwise.ts';
import type { Heap } from './heap.ts';
import { imageOperators } from './image-operators.ts';
import { type Context, type Operator, ofValue, type Product, type Step, sizeOf, unsupported, type Value } from './operator.ts';
import { orderNodes } from './order-nodes.ts';
import type { OnnxGraph, OnnxNode } from './read-onnx.ts';

const operators: Record<string, Operator> = {
  ...convolutionOperators,
  ...denseOperators,
  ...imageOperators,
  ...arithmeticOperators,
  ...elementwiseOperators,
  Identity: ofValue((_, input) => input),
};

export interface CompiledGraph {
  input: Value;
  outputs: Map<string, Value>;
  run: Step;
}

/**
 * Compiles a graph: every value gets its place in memory and every node its steps. Weights are packed now, so a run is kernels only.
 *
 * @param image shape of the graph's one input, [H, W, C]
 * @param capacity the most images of a run
 * @throws UnsupportedGraphError naming the node that it can't run
 */
export function compileGraph(heap: Heap, graph: OnnxGraph, image: number[], capacity: number): CompiledGraph {
  const steps: Step[] = [];
  const products: Product[] = [];
  const input: Value = { address: heap.allocate(capacity * sizeOf(image)), shape: image, channelsLast: false };
  const values = new Map<string, Value>([['image', input]]);
  const table = heap.allocate(CONVOLVE_TABLE_FLOATS);
  for (const node of orderNodes(graph)) {
    const operator = operators[node.op] ?? unsupported(node, `(allowed: ${Object.keys(operators).join(', ')})`);
    if ((node.op === 'Relu' || node.op === 'Sigmoid') && isUsedElsewhere(graph, node, values))
      unsupported(node, 'of a value that is used elsewhere');
    const inputs = node.inputs.map((name) =>
      name ? (values.get(name) ?? graph.constants.get(name) ?? unsupported(node, `of ${name}, which nothing gives`)) : undefined,
    );
    const context: Context = { heap, capacity, node, constants: graph.constants, table, steps, products };
    const result = operator(context, inputs);
    if ('values' in result) graph.constants.set(node.output, result);
    else values.set(node.output, result);
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

/** Tells whether another node reads what `node` overwrites, by any of the value's names, or the graph answers it. */
function isUsedElsewhere(graph: OnnxGraph, node: OnnxNode, values: Map<string, Value>): boolean {
  const { address } = values.get(node.inputs[0] ?? '') ?? {};
  const names = new Set([...values].flatMap(([name, value]) => (value.address === address ? [name] : [])));
  // A node that only gives the value another name does not count; one that reads that name does.
  const readers = graph.nodes.filter((other) => other.inputs.some((name) => names.has(name)) && !names.has(other.output));
  return readers.some((other) => other !== node) || graph.outputs.some((name) => names.has(name));
}
