import * as tf from '@tensorflow/tfjs';

type Activation = 'linear' | 'relu' | 'sigmoid';

/** A layer as data, so that tfjs and PyTorch build the same; images are channels last, windows 'same'. */
export type LayerSpec =
  | { kind: 'conv' | 'deconv'; filters: number; kernel: number; stride: number; activation: Activation }
  | { kind: 'dense'; units: number; activation: Activation }
  | { kind: 'maxpool' | 'avgpool' | 'up' }
  | { kind: 'flatten' }
  | { kind: 'reshape'; shape: [number, number, number] };

export interface ModelSpec {
  name: string;
  input: [number, number, number];
  latent: number;
  batch: number;
  encoder: LayerSpec[];
  decoder: LayerSpec[];
}

/** Convolutions 4x4 of stride 2 and their mirror image, as the trainer builds them. */
function strided(name: string, input: [number, number, number], filters: number[], latent: number, batch: number): ModelSpec {
  const window = { kernel: 4, stride: 2 };
  const shrunk = (length: number) => length / 2 ** filters.length;
  const grid: [number, number, number] = [shrunk(input[0]), shrunk(input[1]), filters.at(-1) as number];
  const outputs = [...filters.slice(0, -1).reverse(), input[2]];
  return {
    ...{ name, input, latent, batch },
    encoder: [
      ...filters.map((channels) => ({ kind: 'conv' as const, filters: channels, ...window, activation: 'relu' as const })),
      { kind: 'flatten' },
      { kind: 'dense', units: 128, activation: 'relu' },
      { kind: 'dense', units: latent, activation: 'linear' },
    ],
    decoder: [
      { kind: 'dense', units: 128, activation: 'relu' },
      { kind: 'dense', units: grid[0] * grid[1] * grid[2], activation: 'relu' },
      { kind: 'reshape', shape: grid },
      ...outputs.map((channels, i) => ({
        ...{ kind: 'deconv' as const, filters: channels, ...window },
        activation: i === outputs.length - 1 ? ('sigmoid' as const) : ('relu' as const),
      })),
    ],
  };
}

const conv3 = { kind: 'conv', kernel: 3, stride: 1, activation: 'relu' } as const;

export const models: ModelSpec[] = [
  strided('quick 16-32 @28', [28, 28, 1], [16, 32], 10, 128),
  strided('paper 32-64 @28', [28, 28, 1], [32, 64], 10, 128),
  strided('coil 32-64-128-128 @128', [128, 128, 3], [32, 64, 128, 128], 100, 32),
  {
    ...{ name: 'pooling 32-64 @28', input: [28, 28, 1], latent: 10, batch: 128 },
    encoder: [
      { ...conv3, filters: 32 },
      { kind: 'maxpool' },
      { ...conv3, filters: 64 },
      { kind: 'avgpool' },
      { kind: 'flatten' },
      { kind: 'dense', units: 128, activation: 'relu' },
      { kind: 'dense', units: 10, activation: 'linear' },
    ],
    decoder: [
      { kind: 'dense', units: 128, activation: 'relu' },
      { kind: 'dense', units: 7 * 7 * 64, activation: 'relu' },
      { kind: 'reshape', shape: [7, 7, 64] },
      { kind: 'up' },
      { ...conv3, filters: 32 },
      { kind: 'up' },
      { ...conv3, filters: 1, activation: 'sigmoid' },
    ],
  },
];

export function build(layers: LayerSpec[], inputShape: number[]): tf.Sequential {
  const model = tf.sequential();
  layers.forEach((spec, i) => {
    model.add(layerOf(spec, i === 0 ? { inputShape } : {}));
  });
  return model;
}

function layerOf(spec: LayerSpec, first: { inputShape?: number[] }): tf.layers.Layer {
  const { layers } = tf;
  switch (spec.kind) {
    case 'conv':
    case 'deconv': {
      const { filters, kernel, stride, activation } = spec;
      const config = { ...first, filters, kernelSize: kernel, strides: stride, padding: 'same' as const, activation };
      return spec.kind === 'conv' ? layers.conv2d(config) : layers.conv2dTranspose(config);
    }
    case 'dense':
      return layers.dense({ ...first, units: spec.units, activation: spec.activation });
    case 'maxpool':
      return layers.maxPooling2d({ poolSize: 2 });
    case 'avgpool':
      return layers.averagePooling2d({ poolSize: 2 });
    case 'up':
      return layers.upSampling2d({ size: [2, 2] });
    case 'flatten':
      return layers.flatten();
    case 'reshape':
      return layers.reshape({ targetShape: spec.shape });
  }
}
