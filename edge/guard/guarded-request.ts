import { kindOfFile } from '../../shared/images/kind-of-file.ts';
import { inferContentProblem, inferRequestOf } from '../../shared/infer-request.ts';
import { BINARY_HEADER, type Misfit, ProtocolError, splitBody, type Tensor } from '../../shared/inference-protocol.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import type { Config } from '../config.ts';
import { inferImages } from '../decode/infer-images.ts';
import { maxJsonValues, type ReadImage, readImages } from '../decode/read-images.ts';
import { ProblemError, type ProblemName } from '../problem.ts';
import { checkEncoding } from '../read-body.ts';
import type { Forwarded, Passing } from './forwarded.ts';
import { type InferGiven, inferAnew } from './infer-anew.ts';
import { passedOnProblem } from './passed-on.ts';
import { plainAnew } from './plain-anew.ts';

const PROBLEM_OF: Record<Misfit, ProblemName> = { form: 'bad-json', count: 'body-too-large', size: 'wrong-size', value: 'not-finite' };

/** A request before the guard, read. */
export interface GuardedRequest {
  /** In order; an image that can't be read, or that must not go on, has its problem. */
  images: (ReadImage | ProblemError)[];
  /** The body for the classifier, from the accepted images. @throws ProblemError */
  forward(passing: readonly Passing[]): Promise<Forwarded>;
}

/**
 * Reads what comes before the guard. By `UPSTREAM_PROTOCOL`: a body as `/screen` takes it, or an inference request (v2), as the classifiers of KServe,
 * Triton and MLServer take it.
 *
 * @throws ProblemError
 */
export async function readGuarded(headers: Headers, body: Uint8Array, screening: Screening, config: Config): Promise<GuardedRequest> {
  checkEncoding(headers);
  const type = headers.get('content-type') ?? '';
  const rules = { config, input: screening.input };
  const original: Forwarded = { body, headers: describedBy(headers) };
  // Numbers always go on made anew: raw floats could be taken for a file.
  const isOriginal = (passing: readonly Passing[]) => config.FORWARD === 'original' && passing.every(({ image }) => image.picture);
  if (config.FORWARD === 'original') checkParameters(type);
  if (config.UPSTREAM_PROTOCOL === 'plain') {
    const read = await readImages(type, body, screening, config);
    return {
      images: read.images.map((image) => forwardable(image, config)),
      forward: async (passing) =>
        isOriginal(passing) && passing.length === read.images.length ? original : await plainAnew(read, passing, rules),
    };
  }
  const given = await readInfer(headers, type, body, screening, config);
  const images = await inProtocol(() => inferImages([given.input], screening, config));
  return {
    images: images.map((image) => forwardable(image, config)),
    forward: async (passing) => (isOriginal(passing) && passing.length === images.length ? original : inferAnew(given, passing, rules)),
  };
}

async function readInfer(headers: Headers, type: string, body: Uint8Array, screening: Screening, config: Config): Promise<InferGiven> {
  if (body.byteLength === 0) throw new ProblemError('empty-body', 'The body is empty; an inference request is needed.');
  const length = headers.get(BINARY_HEADER);
  const wrong = inferContentProblem(type);
  if (wrong) throw new ProblemError('unsupported-media-type', `The classifier takes inference requests (v2), and the ${wrong}.`);
  // Awaited: workerd tells of a promise that is broken before anybody waits for it.
  return await inProtocol(() => {
    const split = splitBody(body, length, maxJsonValues(screening, config));
    // Which outputs there are, the classifier knows.
    const { inputs } = inferRequestOf(split, null);
    const problem = passedOnProblem(split.json, config.AGREEMENT_POINTER !== undefined);
    if (problem) throw new ProtocolError(problem);
    return { json: split.json as InferGiven['json'], input: inputs[0] as Tensor };
  });
}

/** @throws ProblemError in place of a ProtocolError */
async function inProtocol<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new ProblemError(PROBLEM_OF[error.misfit], `The inference request can't be forwarded: ${error.message.slice(0, 500)}.`);
  }
}

/** An image that may go on; else why not. */
function forwardable(image: ReadImage | ProblemError, { GUARD_TENSORS }: Config): ReadImage | ProblemError {
  if (image instanceof ProblemError || image.picture) return image;
  if (GUARD_TENSORS === 'off')
    return new ProblemError(
      'not-forwarded',
      'Numbers in place of a file are not forwarded to the classifier here (GUARD_TENSORS). Send a PNG or JPEG.',
    );
  const { buffer, byteOffset, byteLength } = image.tensor;
  const kind = kindOfFile(new Uint8Array(buffer, byteOffset, byteLength));
  return kind
    ? new ProblemError('not-forwarded', `The numbers begin, as bytes, like a file of the kind ${kind}. Send the image as a PNG.`)
    : image;
}

/** What the client says of its body, where that goes on as it is. */
export function describedBy(headers: Headers): Record<string, string> {
  const described: Record<string, string> = {};
  for (const name of ['content-type', 'content-encoding', BINARY_HEADER]) {
    const value = headers.get(name);
    if (value !== null) described[name] = value;
  }
  return described;
}

/** @throws ProblemError where a body that goes on as it is could be decoded otherwise by another reader */
function checkParameters(type: string): void {
  const parameter = otherParameter(type);
  if (parameter)
    throw new ProblemError(
      'unsupported-media-type',
      `The content type has the parameter ${parameter.slice(0, 100)}; of a body that is forwarded as it is (FORWARD=original) only charset=utf-8, and a form's boundary, are allowed.`,
    );
}

/** The first parameter of a Content-Type by which another reader could decode the body otherwise; undefined where there is none. */
function otherParameter(contentType: string): string | undefined {
  const [type, ...parameters] = contentType.split(';').map((part) => part.trim());
  const isForm = type?.toLowerCase() === 'multipart/form-data';
  return parameters.find((each) => each && !/^charset="?utf-8"?$/i.test(each) && !(isForm && /^boundary=/i.test(each)));
}
