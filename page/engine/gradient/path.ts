import type { OnnxGraph, OnnxNode } from '../../../shared/runtime/read-onnx.ts';
import { type LayerRule, layerRules, NoGradientError } from './layer.ts';
import { productRules } from './products.ts';

const rules: Record<string, LayerRule | undefined> = { ...layerRules, ...productRules };

/** Makes the layer of a node. @throws NoGradientError naming the operator if it has no gradient rule */
export const layerOf: LayerRule = (given) => {
  const rule = rules[given.node.op];
  if (!rule) throw new NoGradientError(`${given.node.op} has no gradient rule (there are: ${Object.keys(rules).join(', ')})`);
  return rule(given);
};

/** Returns the nodes from one value of a graph to another, in their order. @throws NoGradientError if there is no way */
export function pathBetween(graph: OnnxGraph, from: string, to: string): OnnxNode[] {
  const producers = new Map(graph.nodes.map((node) => [node.output, node]));
  const path: OnnxNode[] = [];
  for (let name = to; name !== from; name = path[0]?.inputs[0] ?? '') {
    const node = producers.get(name);
    if (!node) throw new NoGradientError(`screen.onnx has no layers from ${from} to ${to}: nothing gives ${name || 'an input'}`);
    path.unshift(node);
  }
  return path;
}
