import type * as tf from '@tensorflow/tfjs';
import { activationLayer, leakyReluLayer } from './layers/activations.ts';
import { conv2DLayer, conv2DTransposeLayer } from './layers/convolutions.ts';
import { batchNormLayer, denseLayer, flattenLayer, identityLayer, reshapeLayer, zeroPaddingLayer } from './layers/dense-and-shape.ts';
import { ConversionError, type Converted, type LayerConverter, type Pullback, type Value } from './layers/layer-conversion.ts';
import { averagePoolingLayer, globalAveragePoolingLayer, maxPoolingLayer, upSamplingLayer } from './layers/pooling.ts';
import type { GraphBuilder } from './onnx/graph-builder.ts';

/** The layers that can be exported, by tfjs's class name. */
export const converters: Record<string, LayerConverter> = {
  InputLayer: identityLayer,
  Conv2D: conv2DLayer,
  Conv2DTranspose: conv2DTransposeLayer,
  Dense: denseLayer,
  Flatten: flattenLayer,
  Reshape: reshapeLayer,
  Activation: activationLayer,
  ReLU: (graph, layer, input) => {
    const name = graph.node('Relu', [input.name]);
    if ((layer.getConfig() as { maxValue?: number }).maxValue != null) {
      throw new ConversionError(`layer ${layer.name} (ReLU) has a maxValue; use Activation relu6 or no maxValue`);
    }
    const zero = graph.floats([0], []);
    return {
      value: { ...input, name },
      pullback: (gradient) => graph.node('Where', [graph.node('Greater', [name, zero]), gradient, zero]),
    };
  },
  LeakyReLU: leakyReluLayer,
  BatchNormalization: batchNormLayer,
  UpSampling2D: upSamplingLayer,
  MaxPooling2D: maxPoolingLayer,
  AveragePooling2D: averagePoolingLayer,
  GlobalAveragePooling2D: globalAveragePoolingLayer,
  ZeroPadding2D: zeroPaddingLayer,
  // Only in training do these do anything.
  Dropout: identityLayer,
  GaussianNoise: identityLayer,
};

/**
 * Writes a chain of layers into a graph.
 *
 * @param input the model's input; an image as NCHW
 * @returns the output, and the pullback of the whole chain where each layer has one
 * @throws ConversionError naming the layer that can't be written, or that branches
 */
export function convertModel(graph: GraphBuilder, model: tf.LayersModel, input: Value): Converted {
  let value = input;
  const pullbacks: (Pullback | undefined)[] = [];
  for (const layer of model.layers) {
    const converter = converters[layer.getClassName()];
    if (!converter) {
      throw new ConversionError(
        `layer ${layer.name} (${layer.getClassName()}) can't be exported; allowed are ${Object.keys(converters).join(', ')}`,
      );
    }
    if (layer.inboundNodes.some((node) => node.inboundLayers.length > 1) || layer.outboundNodes.length > 1) {
      throw new ConversionError(`layer ${layer.name} (${layer.getClassName()}) branches; only a chain of layers can be exported`);
    }
    const converted = converter(graph, layer, value);
    value = converted.value;
    pullbacks.push(converted.pullback);
  }
  if (pullbacks.some((pullback) => pullback === undefined)) return { value };
  return { value, pullback: (gradient) => pullbacks.reduceRight((slope, pullback) => (pullback as Pullback)(slope), gradient) };
}

/** The first layer without a rule for its gradient, for an error message. */
export function withoutGradient(model: tf.LayersModel): string {
  const layer = model.layers.find((candidate) => ['MaxPooling2D', 'AveragePooling2D'].includes(candidate.getClassName()));
  return layer ? `${layer.name} (${layer.getClassName()})` : 'a layer';
}
