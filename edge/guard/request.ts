import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { ANY_FORMAT, kindOfFile } from '../../shared/images/formats.ts';
import { BINARY_HEADER, type Misfit, ProtocolError, type Tensor } from '../../shared/protocol/inference-protocol.ts';
import { bytesOfFloats } from '../../shared/protocol/tensors.ts';
import type { ReadImage } from '../../shared/screening/input.ts';
import type { Config } from '../config.ts';
import { checkInferType, readInferImages } from '../decode/infer-request.ts';
import { type ImageSource, readImages } from '../decode/read-images.ts';
import { checkEncoding } from '../middleware/body-limit.ts';
import { ProblemError, type ProblemName } from '../problem.ts';
import { type Forwarded, type ForwardedImage, type InferGiven, inferBody, plainBody } from './forward.ts';
import { requestProblem } from './infer-members.ts';

const PROBLEM_OF: Record<Misfit, ProblemName> = { form: 'bad-json', count: 'body-too-large', size: 'wrong-size', value: 'not-finite' };

/** A request to the guard. */
export interface GuardedRequest {
  /** The images in order; one that can't be read, or must not be forwarded, is a problem. */
  images: ImageSource[];
  /** Makes the body for the classifier from the accepted images, given by their positions. @throws ProblemError */
  forward(places: readonly number[]): Promise<Forwarded>;
}

/**
 * Reads a request to the guard: as `UPSTREAM_PROTOCOL` says, a body as `/screen` takes it, or an inference request (v2) for a classifier in
 * KServe, Triton or MLServer.
 *
 * @throws ProblemError
 */
export function readGuarded(headers: Headers, body: Uint8Array, screening: Screening, config: Config): GuardedRequest {
  checkEncoding(headers);
  const type = headers.get('content-type') ?? '';
  if (config.FORWARD === 'original') checkParameters(type);
  const rules = { config, screening };
  const isPlain = config.UPSTREAM_PROTOCOL === 'plain';
  const given = isPlain ? readImages(type, body, screening, config) : readInfer(headers, body, screening, config);
  // All at once: the pictures are forwarded.
  const images = given.images.map((read) => forwardable(read(), config));
  return {
    images: images.map((image) => () => image),
    async forward(places) {
      const passing: ForwardedImage[] = places.map((place) => ({ place, image: images[place] as ReadImage }));
      // Numbers are always encoded anew: raw floats could be taken for a file.
      const isOriginal = config.FORWARD === 'original' && passing.length === images.length && passing.every(({ image }) => image.picture);
      if (isOriginal) return { body, headers: describedBy(headers) };
      return 'input' in given ? inferBody(given, passing, rules) : await plainBody(given, passing, rules);
    },
  };
}

function readInfer(headers: Headers, body: Uint8Array, screening: Screening, config: Config): InferGiven & { images: ImageSource[] } {
  if (body.byteLength === 0) throw new ProblemError('empty-body', 'The body is empty; an inference request is needed.');
  checkInferType(headers, (wrong) => `The classifier takes inference requests (v2), and the ${wrong}.`);
  const check = (json: unknown) => requestProblem(json, config.AGREEMENT_POINTER !== undefined);
  // The classifier knows which outputs there are.
  const given = asMisfitProblem(() => readInferImages(headers, body, screening, config, null, check));
  return { json: given.request.json as InferGiven['json'], input: given.request.inputs[0] as Tensor, images: given.images };
}

/** Runs a reader and turns a ProtocolError into the problem that its misfit has in `PROBLEM_OF`. */
function asMisfitProblem<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new ProblemError(PROBLEM_OF[error.misfit], `The inference request can't be forwarded: ${error.message.slice(0, 500)}.`);
  }
}

/** Returns the image if it may be forwarded, else why not. */
function forwardable(image: ReadImage | ProblemError, { GUARD_TENSORS }: Config): ReadImage | ProblemError {
  if (image instanceof ProblemError || image.picture) return image;
  if (GUARD_TENSORS === 'off')
    return new ProblemError(
      'not-forwarded',
      `Numbers in place of a file are not forwarded to the classifier here (GUARD_TENSORS is off). Send a ${ANY_FORMAT}.`,
    );
  const kind = kindOfFile(bytesOfFloats(image.values));
  return kind
    ? new ProblemError(
        'not-forwarded',
        `The bytes of the numbers begin like a ${kind} file, so they are not forwarded. Send the image as a PNG.`,
      )
    : image;
}

/** Returns the client's headers that describe its body, for a body that is forwarded unchanged. */
export function describedBy(headers: Headers): Record<string, string> {
  const described: Record<string, string> = {};
  for (const name of ['content-type', 'content-encoding', BINARY_HEADER]) {
    const value = headers.get(name);
    if (value !== null) described[name] = value;
  }
  return described;
}

/** Checks a body that is forwarded unchanged. @throws ProblemError if another reader could decode it differently */
function checkParameters(type: string): void {
  const parameter = otherParameter(type);
  if (parameter)
    throw new ProblemError(
      'unsupported-media-type',
      `The content type has the parameter ${parameter.slice(0, 100)}; a body that is forwarded unchanged (FORWARD=original) may have ` +
        "only charset=utf-8 and a form's boundary. Leave the parameter out.",
    );
}

/** Returns the first parameter of a Content-Type that could make another reader decode the body differently; undefined if there is none. */
function otherParameter(contentType: string): string | undefined {
  const [type, ...parameters] = contentType.split(';').map((part) => part.trim());
  const isForm = type?.toLowerCase() === 'multipart/form-data';
  return parameters.find((each) => each && !/^charset="?utf-8"?$/i.test(each) && !(isForm && /^boundary=/i.test(each)));
}
