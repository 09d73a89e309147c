import type { Problem } from '../shared/screen-messages.ts';

const TITLES = {
  'empty-body': [400, 'The body is empty'],
  'bad-json': [400, 'The JSON can not be used'],
  'bad-image': [422, 'The image can not be decoded'],
  'wrong-size': [422, 'The number of values does not fit the model'],
  'not-finite': [422, 'A value is not allowed'],
  'body-too-large': [413, 'The body is too large'],
  'image-too-large': [413, 'The image is too large'],
  'unsupported-media-type': [415, 'The content type is not supported'],
  unauthorized: [401, 'A token is needed'],
  forbidden: [403, 'The token does not allow this'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'The method is not allowed here'],
  'model-unavailable': [503, 'The model can not be used'],
  configuration: [503, 'The worker is not configured rightly'],
  internal: [500, 'Something broke'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemName = keyof typeof TITLES;

/** A request, or one image of it, that can't be screened; `detail` says what was wrong, what is allowed and what to do. */
export class ProblemError extends Error {
  override name = 'ProblemError';
  readonly problem: ProblemName;
  constructor(problem: ProblemName, detail: string) {
    super(detail);
    this.problem = problem;
  }
}

/** RFC 9457; anything that is not a ProblemError is told as `internal`, without its text. */
export function problemOf(error: unknown, request: string): Problem {
  const known = error instanceof ProblemError;
  const name = known ? error.problem : 'internal';
  const [status, title] = TITLES[name];
  const detail = known ? error.message : 'The request was not screened. Try again; if it stays, give the operator the request id.';
  return { type: `urn:portcullis:problem:${name}`, title, status, detail, request };
}

export function problemResponse(problem: Problem, headers: Record<string, string> = {}): Response {
  return Response.json(problem, { status: problem.status, headers: { ...headers, 'content-type': 'application/problem+json' } });
}
