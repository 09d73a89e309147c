import type { Problem } from '../shared/protocol/screen-messages.ts';

/** Every problem with its status and title; docs/errors.md has a row for each. */
export const PROBLEMS = {
  'empty-body': [400, 'The body is empty'],
  'bad-json': [400, 'The JSON is invalid'],
  'bad-multipart': [400, 'The multipart body is invalid'],
  'bad-request': [400, 'The request is invalid'],
  unauthorized: [401, 'A key is needed'],
  forbidden: [403, 'The key does not allow this'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'The method is not allowed here'],
  'body-timeout': [408, 'The body was not received in time'],
  'body-too-large': [413, 'The body is too large'],
  'image-too-large': [413, 'The image is too large'],
  'unsupported-media-type': [415, 'The content type is not supported'],
  'bad-image': [422, 'The image cannot be decoded'],
  'wrong-size': [422, 'The number of values does not fit the model'],
  'not-finite': [422, 'A value is not allowed'],
  rejected: [422, 'The image was rejected'],
  'not-forwarded': [422, 'The image cannot be forwarded'],
  'too-many-requests': [429, 'Too many requests'],
  internal: [500, 'Something broke'],
  'upstream-failed': [502, 'The classifier failed'],
  'model-unavailable': [503, 'The model is unavailable'],
  busy: [503, 'Too much is being sent at once'],
  configuration: [503, 'The worker is not configured correctly'],
  'upstream-timeout': [504, 'The classifier did not answer in time'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemName = keyof typeof PROBLEMS;

/** The error for a request, or one image of it, that can't be screened; `detail` says what was wrong, what is allowed and what to do. */
export class ProblemError extends Error {
  override name = 'ProblemError';
  readonly problem: ProblemName;
  readonly headers: Record<string, string>;
  constructor(problem: ProblemName, detail: string, headers: Record<string, string> = {}) {
    super(detail);
    this.problem = problem;
    this.headers = headers;
  }
  get status(): number {
    return PROBLEMS[this.problem][0];
  }
}

/** Makes the problem details (RFC 9457) of an error; anything that is not a ProblemError becomes `internal`, without its text. */
export function problemOf(error: unknown, request: string): Problem {
  const known = error instanceof ProblemError;
  const name = known ? error.problem : 'internal';
  const [status, title] = PROBLEMS[name];
  const detail = known ? error.message : 'The request was not screened. Try again; if it fails again, give the operator the request id.';
  return { type: `urn:portcullis:problem:${name}`, title, status, detail, request };
}

/** Answers with a problem: as problem+json, or, under `/v2`, in the error form of the Open Inference Protocol. */
export function problemResponse(problem: Problem, path: string, headers: Record<string, string> = {}): Response {
  const { status, detail } = problem;
  if (path === '/v2' || path.startsWith('/v2/')) return Response.json({ error: detail }, { status, headers });
  return Response.json(problem, { status, headers: { ...headers, 'content-type': 'application/problem+json' } });
}
