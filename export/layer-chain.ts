import type * as tf from '@tensorflow/tfjs';
import { ConversionError } from './layers/layer-conversion.ts';

/**
 * The layers that lead from the model's input to its output, in the order in which they are applied: models inside it are
 * opened, a layer applied twice stands twice, what leads elsewhere (another output made of the same layers) is left out.
 *
 * @throws ConversionError naming the layer where several inputs meet, or the model that has several inputs or outputs
 */
export function layerChain(model: tf.LayersModel): tf.layers.Layer[] {
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    const counts = `${model.inputs.length} inputs and ${model.outputs.length} outputs`;
    throw new ConversionError(`model ${model.name} has ${counts}; only a chain with one input and one output can be exported`);
  }
  const chain: tf.layers.Layer[] = [];
  let tensor: tf.SymbolicTensor | undefined = model.outputs[0];
  while (tensor) {
    const layer: tf.layers.Layer = tensor.sourceLayer;
    const node = layer.inboundNodes[tensor.nodeIndex];
    if (node && node.inputTensors.length > 1 && node.inboundLayers.length > 1) {
      throw new ConversionError(`layer ${layer.name} (${layer.getClassName()}) joins branches; only a chain of layers can be exported`);
    }
    chain.unshift(...(isModel(layer) ? layerChain(layer) : [layer]));
    const atInput = tensor.id === model.inputs[0]?.id || !node || node.inboundLayers.length === 0;
    tensor = atInput ? undefined : node.inputTensors[0];
  }
  return chain;
}

function isModel(layer: tf.layers.Layer): layer is tf.LayersModel {
  return 'layers' in layer && 'outputs' in layer;
}
