import type { BatchShard, LossSetting } from '../../trainer/gradient/loss-gradients.ts';
import { type Architecture, type ArchitectureName, architectures, decoderLayers, encoderLayers } from '../../trainer/model/architecture.ts';
import type { Layer } from '../../trainer/model/layers.ts';
import { NO_ATTACKS } from '../../trainer/robust/attack-rows.ts';

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

/** Returns what a step of training needs: the setting, and a batch of random images. */
export function exampleOf({ architecture, input, batch: count, classes }: ModelSpec): { setting: LossSetting; part: BatchShard } {
  const outlierLoss = { kind: 'origin' as const };
  const training = {
    architecture,
    latentWeight: 100,
    encoderNoise: 0,
    labelsPerClass: null,
    classWeights: 'none' as const,
    outliers: 0,
    outlierLoss,
    robust: null,
  };
  const ones = () => new Float32Array(count).fill(1);
  const part = {
    ...{ ...NO_ATTACKS, radiusScale: 0, count, unlabelledWeight: 0, labelled: ones(), weights: ones(), genuine: ones() },
    images: Float32Array.from({ length: count * input.height * input.width * input.channels }, Math.random),
    targets: new Float32Array(count * classes),
    noise: new Float32Array(count * classes),
  };
  return { setting: { input, classes, training }, part };
}

export const models: ModelSpec[] = [
  spec('small-28', 28, 1, 10, 128),
  spec('strided-28', 28, 1, 10, 128),
  spec('deep-28', 28, 1, 10, 128),
  spec('paper-28', 28, 1, 10, 128),
  spec('strided-128', 128, 3, 100, 32),
];
