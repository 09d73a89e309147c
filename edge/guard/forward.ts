import type { z } from 'zod';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { preprocessLevels } from '../../shared/images/preprocess.ts';
import type { inferRequestSchema, Tensor } from '../../shared/protocol/inference-protocol.ts';
import { binaryOf, bytesOfFloats, concatBytes, encodeMessage, float32Of, jsonOf } from '../../shared/protocol/tensors.ts';
import type { ReadImage } from '../../shared/screening/input.ts';
import type { Config } from '../config.ts';
import type { ReadImages } from '../decode/read-images.ts';
import { ProblemError } from '../problem.ts';
import { encodePng } from './encode-png.ts';

/** A body as it is forwarded to the classifier, with the headers that describe it. */
export interface Forwarded {
  body: Uint8Array | ReadableStream<Uint8Array>;
  headers: Record<string, string>;
}

/** An accepted image with its position in the client's request. */
export interface ForwardedImage {
  place: number;
  image: ReadImage;
}

/** The rules of forwarding pictures. */
export interface ForwardRules {
  config: Pick<Config, 'FORWARD' | 'UPSTREAM_TENSORS'>;
  screening: Pick<Screening, 'input' | 'preprocess'>;
}

type InferRequest = z.infer<typeof inferRequestSchema>;

/** An inference request: its JSON, which holds only what may be forwarded (infer-members.ts), and its one input. */
export interface InferGiven {
  json: InferRequest;
  input: Tensor;
}

/** Field names that every form parser reads alike. `_charset_` is left out: it says how the other fields are encoded (RFC 7578, 4.6). */
const PLAIN_NAME = /^(?!_charset_$)[\w.[\]-]{1,64}$/;
const OTHER_NAME = 'file';

/**
 * Makes a new body for the classifier from the accepted images only, in the form of the client's: a PNG, a form of PNGs, or JSON.
 * Numbers become nested JSON, never raw floats, which some reader could take for a file.
 *
 * @throws ProblemError `not-forwarded` if numbers came in a form, which has no place for them
 */
export async function plainBody(
  { form, names }: Pick<ReadImages, 'form' | 'names'>,
  passing: readonly ForwardedImage[],
  rules: ForwardRules,
): Promise<Forwarded> {
  const [first] = passing;
  if (form === 'file' && first?.image.picture) return { body: forwardedPng(first.image, rules), headers: { 'content-type': 'image/png' } };
  if (form === 'form') {
    if (passing.some(({ image }) => !image.picture))
      throw new ProblemError('not-forwarded', 'Numbers in a form are not forwarded to the classifier. Send them as JSON.');
    return formBody(names, passing, rules);
  }
  const images = passing.map(({ image }) =>
    image.picture
      ? { image: base64Of(forwardedPng(image, rules)) }
      : { pixels: nested(image.values as Float32Array, rules.screening.input) },
  );
  return encodeMessage({ images });
}

/** Writes a form with the runtime's own encoder, with nothing in it that needs escaping. */
async function formBody(
  names: readonly (string | undefined)[],
  passing: readonly ForwardedImage[],
  rules: ForwardRules,
): Promise<Forwarded> {
  const form = new FormData();
  for (const { place, image } of passing) {
    const name = names[place] ?? '';
    const file = new File([forwardedPng(image, rules)], `image-${place + 1}.png`, { type: 'image/png' });
    form.append(PLAIN_NAME.test(name) ? name : OTHER_NAME, file);
  }
  const made = new Response(form);
  return { body: new Uint8Array(await made.arrayBuffer()), headers: { 'content-type': made.headers.get('content-type') as string } };
}

/**
 * Makes a new inference request from the accepted images only: the client's id, parameters and outputs, and one input. That holds PNGs in
 * place of the files, as text or bytes like them (always as text with `UPSTREAM_TENSORS=json`), or the numbers that were screened.
 */
export function inferBody({ json, input }: InferGiven, passing: readonly ForwardedImage[], rules: ForwardRules): Forwarded {
  const given = json.inputs[0] as InferRequest['inputs'][number];
  const { binary_data_size: binarySize, ...parameters } = withoutNull(given.parameters);
  const isBinary = binarySize !== undefined && rules.config.UPSTREAM_TENSORS === 'as-sent';
  const tensor = tensorOf(input, passing, rules, isBinary);
  const bytes = isBinary ? binaryOf(tensor) : new Uint8Array(0);
  const { name, datatype, shape } = tensor;
  const content = isBinary
    ? { parameters: { ...parameters, binary_data_size: bytes.byteLength } }
    : { ...jsonOf(tensor), ...withParameters(parameters) };
  const request = {
    ...(json.id ? { id: json.id } : {}),
    ...withParameters(withoutNull(json.parameters)),
    inputs: [{ name, datatype, shape, ...content }],
    ...(json.outputs
      ? { outputs: json.outputs.map((output) => ({ name: output.name, ...withParameters(withoutNull(output.parameters)) })) }
      : {}),
  };
  return encodeMessage(request, isBinary ? [bytes] : []);
}

/** Makes the input from the accepted images alone. */
function tensorOf(input: Tensor, passing: readonly ForwardedImage[], rules: ForwardRules, isBinary: boolean): Tensor {
  const [, ...each] = input.shape;
  const shape = [passing.length, ...each];
  if (input.datatype === 'BYTES') {
    const data = passing.map(({ place, image }) => {
      const png = forwardedPng(image, rules);
      return isBinary && typeof input.data[place] !== 'string' ? png : base64Of(png);
    });
    return { name: input.name, datatype: 'BYTES', shape, data };
  }
  if (passing.length === input.shape[0]) return { ...input, shape } as Tensor;
  const data = float32Of(concatBytes(passing.map(({ image }) => bytesOfFloats(image.values as Float32Array))));
  return { name: input.name, datatype: 'FP32', shape, data };
}

const withoutNull = (parameters: Record<string, unknown> | null | undefined): Record<string, unknown> =>
  Object.fromEntries(Object.entries(parameters ?? {}).filter(([, value]) => value !== null));

/** Returns the member `parameters`, or nothing if there are none. */
const withParameters = (parameters: Record<string, unknown>) => (Object.keys(parameters).length > 0 ? { parameters } : {});

/**
 * Encodes the picture as a new PNG: as it was decoded, or as the model saw it (`FORWARD=screened`); never the client's own bytes, which the
 * classifier's reader could decode differently.
 *
 * @param image with a picture
 */
function forwardedPng({ picture }: ReadImage, { config, screening }: ForwardRules): Uint8Array<ArrayBuffer> {
  if (!picture) throw new Error('numbers have no picture');
  if (config.FORWARD !== 'screened') return encodePng(picture);
  const { input } = screening;
  return encodePng({ ...input, pixels: preprocessLevels(picture, input, screening.preprocess) });
}

const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/** Returns the values as nested lists, [H][W][C]. */
function nested(values: Float32Array, { height, width, channels }: Screening['input']): number[][][] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => Array.from(values.subarray((y * width + x) * channels, (y * width + x + 1) * channels))),
  );
}
