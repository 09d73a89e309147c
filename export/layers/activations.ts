import type * as tf from '@tensorflow/tfjs';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { allowed, type Converted, configOf, type LayerConverter, type Pullback, type Value } from './layer-conversion.ts';

const NAMES = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'tanh', 'softplus'] as const;
type Activation = (typeof NAMES)[number];

/** The activation that a layer's config names, applied to `input`; `before` is the pullback of what came first in the layer. */
export function activated(graph: GraphBuilder, layer: tf.layers.Layer, input: Value, before?: Pullback): Converted {
  const activation = allowed(layer, 'activation', configOf(layer).activation ?? 'linear', NAMES);
  const { value, pullback } = activate(graph, activation, input);
  return { value, ...(before ? { pullback: (gradient: string) => before((pullback as Pullback)(gradient)) } : {}) };
}

export const activationLayer: LayerConverter = (graph, layer, input) => activated(graph, layer, input, (gradient) => gradient);

export const leakyReluLayer: LayerConverter = (graph, layer, input) => {
  const alpha = configOf(layer).alpha ?? 0.3;
  const name = graph.node('LeakyRelu', [input.name], { alpha: { float: alpha } });
  const pullback = (gradient: string) =>
    graph.node('Where', [positive(graph, name), gradient, graph.node('Mul', [gradient, graph.floats([alpha], [])])]);
  return { value: { ...input, name }, pullback };
};

/** Derivatives are written from the output y, which is there already. */
function activate(graph: GraphBuilder, activation: Activation, input: Value): Converted {
  const one = () => graph.floats([1], []);
  const zero = () => graph.floats([0], []);
  const made = (name: string, pullback: Pullback): Converted => ({ value: { ...input, name }, pullback });
  switch (activation) {
    case 'linear':
      return { value: input, pullback: (gradient) => gradient };
    case 'relu': {
      const y = graph.node('Relu', [input.name]);
      return made(y, (gradient) => graph.node('Where', [positive(graph, y), gradient, zero()]));
    }
    case 'relu6': {
      const six = graph.floats([6], []);
      const y = graph.node('Clip', [input.name, zero(), six]);
      return made(y, (gradient) => {
        const inside = graph.node('And', [positive(graph, y), graph.node('Less', [y, six])]);
        return graph.node('Where', [inside, gradient, zero()]);
      });
    }
    case 'elu': {
      const y = graph.node('Elu', [input.name]);
      return made(y, (gradient) => {
        const below = graph.node('Mul', [gradient, graph.node('Add', [y, one()])]);
        return graph.node('Where', [positive(graph, y), gradient, below]);
      });
    }
    case 'sigmoid': {
      const y = graph.node('Sigmoid', [input.name]);
      return made(y, (gradient) => graph.node('Mul', [gradient, graph.node('Mul', [y, graph.node('Sub', [one(), y])])]));
    }
    case 'tanh': {
      const y = graph.node('Tanh', [input.name]);
      return made(y, (gradient) => graph.node('Mul', [gradient, graph.node('Sub', [one(), graph.node('Mul', [y, y])])]));
    }
    case 'softplus': {
      const y = graph.node('Softplus', [input.name]);
      const slope = () => graph.node('Sub', [one(), graph.node('Exp', [graph.node('Neg', [y])])]);
      return made(y, (gradient) => graph.node('Mul', [gradient, slope()]));
    }
  }
}

function positive(graph: GraphBuilder, name: string): string {
  return graph.node('Greater', [name, graph.floats([0], [])]);
}
