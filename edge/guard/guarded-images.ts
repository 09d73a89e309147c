import { inferContentProblem, inferRequestOf } from '../../shared/infer-request.ts';
import { BINARY_HEADER, type Misfit, ProtocolError, splitBody } from '../../shared/inference-protocol.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import type { Config } from '../config.ts';
import { inferImages } from '../decode/infer-images.ts';
import { maxJsonValues, type ReadImage, readImages } from '../decode/read-images.ts';
import { ProblemError, type ProblemName } from '../problem.ts';
import { checkEncoding } from '../read-body.ts';
import { passedOnProblem } from './passed-on.ts';

const PROBLEM_OF: Record<Misfit, ProblemName> = { form: 'bad-json', count: 'body-too-large', size: 'wrong-size', value: 'not-finite' };

/**
 * The images of what a guard passes on. By `UPSTREAM_PROTOCOL`: a body as `/screen` takes it, or an inference request (v2), as the classifiers of KServe,
 * Triton and MLServer take it. The operator says which: where the client could, a body could be screened as the one and read as the other.
 *
 * @throws ProblemError
 */
export async function guardedImages(
  headers: Headers,
  body: Uint8Array,
  screening: Screening,
  config: Config,
): Promise<(ReadImage | ProblemError)[]> {
  checkEncoding(headers);
  const type = headers.get('content-type') ?? '';
  const parameter = otherParameter(type);
  if (parameter)
    throw new ProblemError(
      'unsupported-media-type',
      `The content type has the parameter ${parameter.slice(0, 100)}; of a body that is passed on only charset=utf-8, and a form's boundary, are allowed.`,
    );
  if (config.UPSTREAM_PROTOCOL === 'plain') return (await readImages(type, body, screening, config)).images;
  if (body.byteLength === 0) throw new ProblemError('empty-body', 'The body is empty; an inference request is needed.');
  const length = headers.get(BINARY_HEADER);
  const wrong = inferContentProblem(type, headers.get('content-encoding') ?? 'identity', length !== null);
  if (wrong) throw new ProblemError('unsupported-media-type', `The classifier takes inference requests (v2), and the ${wrong}.`);
  try {
    const split = splitBody(body, length, maxJsonValues(screening, config));
    // Which outputs there are, the classifier knows.
    const { inputs } = inferRequestOf(split, null);
    const problem = passedOnProblem(split.json, config.AGREEMENT_POINTER !== undefined);
    if (problem) throw new ProtocolError(problem);
    return await inferImages(inputs, screening, config);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new ProblemError(PROBLEM_OF[error.misfit], `The inference request can't be passed on: ${error.message.slice(0, 500)}.`);
  }
}

/** The first parameter of a Content-Type by which another reader could decode the body otherwise; undefined where there is none. */
function otherParameter(contentType: string): string | undefined {
  const [type, ...parameters] = contentType.split(';').map((part) => part.trim());
  const isForm = type?.toLowerCase() === 'multipart/form-data';
  return parameters.find((each) => each && !/^charset="?utf-8"?$/i.test(each) && !(isForm && /^boundary=/i.test(each)));
}
