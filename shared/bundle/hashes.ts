import type { Screening } from './screening-schema.ts';

/** Returns the sha256 of bytes or of a string's UTF-8 as 64 hexadecimal digits. WebCrypto is the same in Node and in workerd. */
export async function sha256(data: Uint8Array | string): Promise<string> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  const digest = await crypto.subtle.digest('SHA-256', bytes as BufferSource);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Returns JSON with sorted keys and no white space: equal values give equal text, so a hash of it names the value.
 * Numbers are written as ECMAScript does (the shortest text that reads back to the same double), as RFC 8785 asks.
 *
 * @throws TypeError for what JSON can't hold (NaN, Infinity, functions, cycles); undefined properties are left out
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`JSON cannot hold ${value}`);
  if (value === null || typeof value !== 'object') {
    const text = JSON.stringify(value);
    if (text === undefined) throw new TypeError(`JSON cannot hold a ${typeof value}`);
    return text;
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}

/** Parts of the model's identity. `reclassify.onnx` is not one: it carries the identity inside. */
type ModelParts = Pick<Screening, 'classes' | 'input' | 'means' | 'covariances' | 'preprocess' | 'relativeErrorOffset' | 'weights'> &
  Pick<Screening, 'guarantee'> & {
    graphs: Pick<Screening['graphs'], 'encoder' | 'decoder' | 'screen'>;
  };

/**
 * Returns the identity of what the graphs compute, as 64 hexadecimal digits: sha256 over the canonical JSON of the hashes of the weights
 * and of the encoder, decoder and screen graphs, and of classes, input shape, means, covariances, preprocessing and guarantee. It does not include
 * the thresholds, so a new calibration keeps it. `reclassify.onnx` answers it as `model_id`.
 */
export function modelIdOf(parts: ModelParts): Promise<string> {
  const { classes, input, means, covariances, preprocess, relativeErrorOffset, guarantee, weights } = parts;
  const files = [parts.graphs.encoder, parts.graphs.decoder, parts.graphs.screen, weights].map((entry) => entry.sha256);
  return sha256(canonicalJson({ files, classes, input, means, covariances, preprocess, relativeErrorOffset, guarantee }));
}

/** Returns the identity of the screening function as deployed: model, all files, and thresholds. Adding evidence does not change it. */
export function bundleIdOf(screening: Omit<Screening, 'id' | 'checksum'>): Promise<string> {
  const { modelId, thresholds, graphs, weights } = screening;
  const files = [graphs.encoder, graphs.decoder, graphs.screen, graphs.reclassify, weights].map((entry) => entry.sha256);
  return sha256(canonicalJson({ modelId, thresholds, files }));
}

/** Returns the sha256 over everything in the file but the checksum itself, so that no digit changes unnoticed. */
export function checksumOf(screening: Omit<Screening, 'checksum'> & { checksum?: string }): Promise<string> {
  return sha256(canonicalJson({ ...screening, checksum: undefined }));
}

/** Computes the `id` and `checksum` of a screening; every writer of a `screening.json` calls this last. */
export async function withChecksums(screening: Omit<Screening, 'id' | 'checksum'>): Promise<Screening> {
  const withId = { ...screening, id: await bundleIdOf(screening) };
  return { ...withId, checksum: await checksumOf(withId) };
}
