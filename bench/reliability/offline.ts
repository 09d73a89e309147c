import { join } from 'node:path';
import { openScreener } from '../../node/bundle/graphs.ts';
import { sha256 } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { preprocess } from '../../shared/images/preprocess.ts';
import { limitsOf } from '../../shared/score-table.ts';
import { decodeBySharp } from './decode-by-sharp.ts';

/** The required answer for an image. */
export interface Offline {
  accepted: boolean;
  /** The nearest class. */
  label: string;
  /** A score is so near its threshold that sums in another order may fall on its other side. */
  near: boolean;
  /** sha256 of the tensor, as `?explain=1` tells it. */
  tensor: string;
}

/** Relative; sums of float32 differ that much between ONNX Runtimes at most. */
const NEAR = 1e-4;

/** Verdicts that are kept: mutants of one file often hold the same pixels. */
const KEPT = 20_000;

export interface OfflineScreen {
  screening: Screening;
  /** The model's input of a file's bytes, by sharp. @throws where sharp can't decode it */
  tensorOf(file: Uint8Array): Promise<Float32Array>;
  verdictOn(image: Float32Array): Promise<Offline>;
  close(): Promise<void>;
}

/** Decoding by sharp, screen.onnx by onnxruntime-node, as `pnpm screen` does: nothing of the worker's decoders or runtime. */
export async function openOffline(model: string): Promise<OfflineScreen> {
  const { screening, screen, close } = await openScreener(join('models', model));
  const kept = new Map<string, Offline>();
  return {
    screening,
    tensorOf: async (file) => preprocess(await decodeBySharp(file, screening.preprocess.background), screening.input, screening.preprocess),
    verdictOn: async (image) => {
      const tensor = await sha256(new Uint8Array(image.buffer, image.byteOffset, image.byteLength));
      const known = kept.get(tensor);
      if (known) return known;
      const [result] = await screen(image);
      if (!result) throw new Error('the model gave no answer');
      const { scores, decision } = result;
      const limits = limitsOf(screening.thresholds, scores.label);
      const near = limits.some(({ name, limit = 0 }) => Math.abs((scores[name] ?? 0) / limit - 1) < NEAR);
      const offline = { accepted: decision.accepted, label: screening.classes[scores.label] as string, near, tensor };
      if (kept.size >= KEPT) kept.clear();
      kept.set(tensor, offline);
      return offline;
    },
    close,
  };
}
