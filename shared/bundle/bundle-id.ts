import { canonicalJson } from './canonical-json.ts';
import type { Screening } from './screening-schema.ts';
import { sha256 } from './sha256.ts';

/** What the model's identity is made of. `reclassify.onnx` is not: it carries the identity inside. */
type ModelParts = Pick<Screening, 'classes' | 'input' | 'means' | 'covariances' | 'preprocess' | 'relativeErrorOffset' | 'weights'> & {
  graphs: Pick<Screening['graphs'], 'encoder' | 'decoder' | 'screen'>;
};

/**
 * Identity of what the graphs compute, as 64 hexadecimal digits: sha256 over the canonical JSON of the hashes of the weights
 * and of the encoder, decoder and screen graphs, and of classes, input shape, means, covariances and preprocessing.
 * Thresholds are not in it, so re-calibration keeps it. It is what `reclassify.onnx` answers as `model_id`.
 */
export function modelIdOf(parts: ModelParts): Promise<string> {
  const { classes, input, means, covariances, preprocess, relativeErrorOffset, weights } = parts;
  const files = [parts.graphs.encoder, parts.graphs.decoder, parts.graphs.screen, weights].map((entry) => entry.sha256);
  return sha256(canonicalJson({ files, classes, input, means, covariances, preprocess, relativeErrorOffset }));
}

/** Identity of the screening function as deployed: model, all files, and thresholds. Evidence may be added without changing it. */
export function bundleIdOf(screening: Omit<Screening, 'id' | 'checksum'>): Promise<string> {
  const { modelId, thresholds, graphs, weights } = screening;
  const files = [graphs.encoder, graphs.decoder, graphs.screen, graphs.reclassify, weights].map((entry) => entry.sha256);
  return sha256(canonicalJson({ modelId, thresholds, files }));
}

/** sha256 over everything in the file but the checksum itself, so that no digit changes unnoticed. */
export function checksumOf(screening: Omit<Screening, 'checksum'> & { checksum?: string }): Promise<string> {
  return sha256(canonicalJson({ ...screening, checksum: undefined }));
}

/** The screening with its `id` and `checksum` worked out; what every writer of a `screening.json` calls last. */
export async function sealed(screening: Omit<Screening, 'id' | 'checksum'>): Promise<Screening> {
  const withId = { ...screening, id: await bundleIdOf(screening) };
  return { ...withId, checksum: await checksumOf(withId) };
}
