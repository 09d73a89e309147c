import type * as tf from '@tensorflow/tfjs';
import { ConversionError, type Pullback, type Value } from '../trainer/model/layer.ts';
import { type LayerKind, layerTypes } from '../trainer/model/layers.ts';
import type { GraphBuilder } from './onnx/graph-builder.ts';

/**
 * Writes a model, a chain of layers, into a graph.
 *
 * @param input the model's input; an image as NCHW
 * @returns the output, and the pullback of the whole chain, which throws a ConversionError if a layer has none
 * @throws ConversionError naming what can't be exported
 */
export function convertModel(graph: GraphBuilder, model: tf.LayersModel, input: Value): { value: Value; pullback: Pullback } {
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    const counts = `${model.inputs.length} inputs and ${model.outputs.length} outputs`;
    throw new ConversionError(`model ${model.name} has ${counts}; only a chain with one input and one output can be exported`);
  }
  let value = input;
  const pullbacks: Pullback[] = [];
  for (const layer of model.layers) {
    const kind = layer.getClassName();
    if (kind === 'InputLayer') continue;
    const type = layerTypes[kind as LayerKind];
    if (!type)
      throw new ConversionError(`layer ${layer.name} (${kind}) can't be exported; allowed are ${Object.keys(layerTypes).join(', ')}`);
    const converted = type.convert(graph, layer, value);
    value = converted.value;
    pullbacks.unshift(converted.pullback ?? withoutPullback(`${layer.name} (${kind})`));
  }
  return { value, pullback: (gradient) => pullbacks.reduce((later, pullback) => pullback(later), gradient) };
}

const withoutPullback = (layer: string) => (): never => {
  throw new ConversionError(`the layer ${layer} has no gradient rule, which the search of reclassify.onnx needs`);
};
