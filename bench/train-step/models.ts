import { type Architecture, decoderLayers, encoderLayers } from '../../trainer/model/architecture.ts';
import { type ArchitectureName, architectures } from '../../trainer/model/architectures.ts';
import type { Layer } from '../../trainer/model/layers.ts';

export interface ModelSpec {
  name: string;
  input: { height: number; width: number; channels: 1 | 3 };
  batch: number;
  classes: number;
  architecture: Architecture;
  /** The layers as data, so that PyTorch builds what the trainer builds. */
  encoder: Layer[];
  decoder: Layer[];
}

function spec(name: ArchitectureName, side: number, channels: 1 | 3, classes: number, batch: number): ModelSpec {
  const shape = architectures[name];
  const architecture: Architecture = { ...shape, dense: Math.max(shape.dense, 2 * classes), latentDim: classes, entropy: 'constant' };
  const input = { height: side, width: side, channels };
  return { name, input, batch, classes, architecture, encoder: encoderLayers(architecture), decoder: decoderLayers(architecture, input) };
}

export const models: ModelSpec[] = [
  spec('small-28', 28, 1, 10, 128),
  spec('strided-28', 28, 1, 10, 128),
  spec('deep-28', 28, 1, 10, 128),
  spec('paper-28', 28, 1, 10, 128),
  spec('strided-128', 128, 3, 100, 32),
];
