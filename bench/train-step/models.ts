import type { Architecture, Convolution } from '../../trainer/model/architecture.ts';
import { architectures, type Shape } from '../../trainer/model/architectures.ts';

/** A layer as data, so that PyTorch builds what the trainer builds; images are channels last, windows 'same'. */
type LayerSpec =
  | { kind: 'conv' | 'deconv'; filters: number; kernel: number; stride: number; activation: 'relu' | 'sigmoid' }
  | { kind: 'dense'; units: number; activation: 'linear' | 'relu' }
  | { kind: 'flatten' }
  | { kind: 'reshape'; shape: [number, number, number] };

export interface ModelSpec {
  name: string;
  input: { height: number; width: number; channels: 1 | 3 };
  batch: number;
  classes: number;
  architecture: Architecture;
  encoder: LayerSpec[];
  decoder: LayerSpec[];
}

function spec(name: string, side: number, channels: 1 | 3, classes: number, batch: number, shape: Shape): ModelSpec {
  const dense = Math.max(shape.dense, 2 * classes);
  const architecture: Architecture = { ...shape, dense, latentDim: classes, entropy: 'constant' };
  const stride = shape.decoder.reduce((product, convolution) => product * convolution.stride, 1);
  const grid: [number, number, number] = [side / stride, side / stride, (shape.decoder.at(-1) as Convolution).filters];
  const backwards = [...shape.decoder].reverse();
  return {
    ...{ name, classes, batch, architecture, input: { height: side, width: side, channels } },
    encoder: [
      ...shape.encoder.map((convolution) => ({ kind: 'conv' as const, ...convolution, activation: 'relu' as const })),
      { kind: 'flatten' },
      { kind: 'dense', units: dense, activation: 'relu' },
      { kind: 'dense', units: classes, activation: 'linear' },
    ],
    decoder: [
      { kind: 'dense', units: dense, activation: 'relu' },
      { kind: 'dense', units: grid[0] * grid[1] * grid[2], activation: 'relu' },
      { kind: 'reshape', shape: grid },
      ...backwards.map(({ kernel, stride }, i) => {
        const last = i === backwards.length - 1;
        const filters = last ? channels : (backwards[i + 1] as Convolution).filters;
        return { kind: 'deconv' as const, filters, kernel, stride, activation: last ? ('sigmoid' as const) : ('relu' as const) };
      }),
    ],
  };
}

export const models: ModelSpec[] = [
  spec('small-28', 28, 1, 10, 128, architectures['small-28']),
  spec('strided-28', 28, 1, 10, 128, architectures['strided-28']),
  spec('deep-28', 28, 1, 10, 128, architectures['deep-28']),
  spec('strided-128', 128, 3, 100, 32, architectures['strided-128']),
];
