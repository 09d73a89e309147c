import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import proto, { type onnx } from 'onnx-proto';
import { float32FromBase64 } from '../../shared/bundle/float32-base64.ts';
import { BundleError, openBundle } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { architectureSchema } from './architecture.ts';
import { buildModel, type Model } from './build-model.ts';
import type { Weights } from './layer.ts';
import { type LayerKind, layerTypes } from './layers.ts';

/** ONNX operators with trained weights: input 1 is the kernel, input 2 the bias. */
const operators = new Set(Object.values(layerTypes).flatMap(({ weights }) => weights?.operator ?? []));

/** Largest allowed difference between the golden image's latent in tfjs and in the exported graph. */
const TOLERANCE = 1e-3;

/**
 * Builds the tfjs model of a bundle, for attacks that need gradients: the architecture that its provenance names, with the weights of
 * encoder.onnx and decoder.onnx. So a bundle needs no second copy of its weights.
 *
 * @throws BundleError if the bundle is damaged, does not name its architecture, or if the model that is built from it gives another
 *   latent for the golden image
 */
export async function rebuildModel(directory: string): Promise<Model> {
  const { screening, graphs, weights } = await openBundle((file) => readFile(join(directory, file)), ['encoder', 'decoder']);
  const architecture = architectureSchema.safeParse(screening.provenance.training?.architecture);
  if (!architecture.success) throw new BundleError(`${directory} does not say its architecture, so its model can't be rebuilt`);
  // Only training uses the second head of a variable entropy.
  const model = buildModel({ ...architecture.data, entropy: 'constant' }, screening.input, 1);
  for (const part of ['encoder', 'decoder'] as const) {
    const graph = proto.onnx.ModelProto.decode(graphs[part] as Uint8Array).graph as onnx.IGraphProto;
    setWeights(model[part], graph, weights, `${directory}/${part}.onnx`);
  }
  checkGoldenImage(model, screening, directory);
  return model;
}

function checkGoldenImage({ encoder }: Model, { golden, input }: Screening, directory: string): void {
  const latent = tf.tidy(() => {
    const image = tf.tensor4d(float32FromBase64(golden.image), [1, input.height, input.width, input.channels]);
    return Array.from((encoder.predict(image) as tf.Tensor).dataSync());
  });
  if (!latent.every((value, i) => Math.abs(value - (golden.latent[i] as number)) <= TOLERANCE))
    throw new BundleError(`${directory}: the model that is rebuilt from it gives another latent for the golden image than its graphs`);
}

/** Gives the layers of a model the weights of its graph. @throws BundleError if they do not fit */
export function setWeights(model: tf.LayersModel, { node, initializer }: onnx.IGraphProto, weights: Uint8Array, file: string): void {
  const tensors = new Map((initializer ?? []).map((tensor) => [tensor.name, tensor]));
  const nodes = (node ?? []).filter(({ opType }) => operators.has(opType ?? ''));
  const layers = model.layers.filter((layer) => layer.weights.length > 0);
  if (nodes.length !== layers.length)
    throw new BundleError(`${file} has ${nodes.length} layers with weights, its architecture ${layers.length}`);
  layers.forEach((layer, i) => {
    const { operator, kernelAxes } = layerTypes[layer.getClassName() as LayerKind].weights as Weights;
    const { opType, input } = nodes[i] as onnx.INodeProto;
    const [kernel, bias] = (input ?? []).slice(1).map((name) => valuesOf(tensors.get(name), weights));
    const [kernelShape, biasShape] = layer.getWeights().map(({ shape }) => shape) as [number[], number[]];
    if (opType !== operator || kernel?.length !== sizeOf(kernelShape) || bias?.length !== sizeOf(biasShape))
      throw new BundleError(`${file}: the weights of ${layer.name} have another size than its architecture says`);
    tf.tidy(() => {
      const inOnnx = tf.tensor(
        kernel,
        kernelAxes.map((axis) => kernelShape[axis] as number),
      );
      layer.setWeights([inOnnx.transpose(kernelShape.map((_, axis) => kernelAxes.indexOf(axis))), tf.tensor1d(bias)]);
    });
  });
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

function valuesOf(tensor: onnx.ITensorProto | undefined, weights: Uint8Array): Float32Array | undefined {
  const place = Object.fromEntries((tensor?.externalData ?? []).map(({ key, value }) => [key, Number(value)]));
  if (place.offset === undefined || place.length === undefined) return undefined;
  return new Float32Array(Uint8Array.from(weights.subarray(place.offset, place.offset + place.length)).buffer);
}
