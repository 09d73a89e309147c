import type { OnnxGraph, OnnxNode } from './read-onnx.ts';

/**
 * Orders a graph's nodes anew, each after those that it reads: a vector's products come as late as they can, and those with the same
 * weights W, or |W|, one after the other. So an image and its interval bounds, which are written far from each other, can go through a
 * layer's weights together. Nodes whose inputs nothing gives keep their order at the end.
 */
export function orderNodes({ nodes, constants }: OnnxGraph): OnnxNode[] {
  const absoluteOf = new Map(nodes.filter(({ op }) => op === 'Abs').map(({ output, inputs }) => [output, inputs[0]]));
  const kernelOf = ({ op, inputs: [, kernel = ''] }: OnnxNode) => (op === 'Gemm' ? (absoluteOf.get(kernel) ?? kernel) : undefined);
  const known = new Set(['', 'image', ...constants.keys()]);
  const ordered: OnnxNode[] = [];
  let waiting = nodes;
  while (waiting.length > 0) {
    const ready = waiting.filter(({ inputs }) => inputs.every((name) => known.has(name)));
    const others = ready.filter((node) => kernelOf(node) === undefined);
    const kernel = ready[0] && kernelOf(ready[0]);
    const next = new Set(others.length > 0 ? others : ready.filter((node) => kernelOf(node) === kernel));
    if (next.size === 0) return [...ordered, ...waiting];
    for (const node of next) {
      ordered.push(node);
      known.add(node.output);
    }
    waiting = waiting.filter((node) => !next.has(node));
  }
  return ordered;
}
