import type * as tf from '@tensorflow/tfjs';
import { layerChain } from './layer-chain.ts';
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
 * @returns the output, and the pullback of the whole chain; where a layer has none, its name as `withoutGradient` instead
 * @throws ConversionError naming the layer that can't be written, or that joins branches
 */
export function convertModel(graph: GraphBuilder, model: tf.LayersModel, input: Value): Converted & { withoutGradient?: string } {
  let value = input;
  const pullbacks: Pullback[] = [];
  let withoutGradient: string | undefined;
  for (const layer of layerChain(model)) {
    const converter = converters[layer.getClassName()];
    if (!converter) {
      throw new ConversionError(
        `layer ${layer.name} (${layer.getClassName()}) can't be exported; allowed are ${Object.keys(converters).join(', ')}`,
      );
    }
    const converted = converter(graph, layer, value);
    value = converted.value;
    if (converted.pullback) pullbacks.push(converted.pullback);
    else withoutGradient ??= `${layer.name} (${layer.getClassName()})`;
  }
  if (withoutGradient) return { value, withoutGradient };
  return { value, pullback: (gradient) => pullbacks.reduceRight((slope, pullback) => pullback(slope), gradient) };
}
