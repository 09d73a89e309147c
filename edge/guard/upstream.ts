import type { Context } from 'hono';
import { BINARY_HEADER } from '../../shared/protocol/inference-protocol.ts';
import { traceHeaders } from '../../shared/protocol/trace.ts';
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import { ProblemError } from '../problem.ts';
import type { Forwarded } from './forward.ts';

/** Headers that concern only one connection, so a proxy must not forward them (RFC 9110, 7.6.1). */
export const HOP_BY_HOP: readonly string[] = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  'upgrade',
];

/** Client headers that are never forwarded, whatever FORWARD_HEADERS says, besides `Content-*`: they are ours, or the connection's. */
const NEVER_FORWARDED = [...['authorization', 'host', 'accept-encoding', 'expect', BINARY_HEADER.toLowerCase()], ...HOP_BY_HOP];

/** Says whether a header is ours to set: it describes the body, which is not the client's, or is in NEVER_FORWARDED. */
const isOurs = (name: string) => name.startsWith('content-') || name.startsWith('portcullis-') || NEVER_FORWARDED.includes(name);

/**
 * Asks the operator's own classifier. Forwards only the query parameters and headers that the operator allows, never the client's
 * Authorization, which is meant for Portcullis.
 *
 * @param url of the classifier
 * @param forwarded the body; null for a GET without one
 * @returns its answer, its body still to come
 * @throws ProblemError `upstream-failed` if it can't be reached, redirects or answers 5xx; `upstream-timeout`
 */
export async function askUpstream(c: Context<Env>, url: URL, forwarded: Forwarded | null): Promise<Response> {
  const { config, services, trace } = c.var;
  const asked = new URL(url);
  for (const [name, value] of new URL(c.req.url).searchParams)
    if (config.FORWARD_QUERY.includes(name.toLowerCase())) asked.searchParams.append(name, value);
  const headers = new Headers(traceHeaders(trace));
  for (const name of config.FORWARD_HEADERS) {
    const value = c.req.header(name);
    if (value !== undefined && !isOurs(name)) headers.set(name, value);
  }
  for (const [name, value] of Object.entries(forwarded?.headers ?? {})) headers.set(name, value);
  headers.set('Portcullis-Request', c.get('requestId'));
  if (config.UPSTREAM_AUTHORIZATION) headers.set('authorization', config.UPSTREAM_AUTHORIZATION);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), config.UPSTREAM_TIMEOUT_MS);
  const body = forwarded ? { method: 'POST', body: forwarded.body as BodyInit } : { method: 'GET' };
  const streamed = forwarded?.body instanceof ReadableStream ? { duplex: 'half' } : {};
  const init = { ...body, ...streamed, headers, signal: controller.signal, redirect: 'manual' as const };
  const response = await services
    .fetcher(asked, init)
    .catch((error: unknown) => {
      if (controller.signal.aborted) throw upstreamTimedOut(config);
      // The runtime's own words are for the operator only.
      c.get('line').faults.push({ what: 'upstream-unreachable', why: error instanceof Error ? error.message : String(error) });
      throw upstreamFailed("can't be reached");
    })
    .finally(() => clearTimeout(timer));
  if (response.status >= 500 || (response.status >= 300 && response.status < 400)) {
    await response.body?.cancel();
    throw upstreamFailed(`answered ${response.status}`);
  }
  return response;
}

export const upstreamFailed = (how: string) =>
  new ProblemError('upstream-failed', `The classifier ${how}. Try again; if it fails again, tell the operator.`);
export const upstreamTimedOut = ({ UPSTREAM_TIMEOUT_MS }: Config) =>
  new ProblemError(
    'upstream-timeout',
    `The classifier did not answer within ${UPSTREAM_TIMEOUT_MS} ms. Try again; if it fails again, tell the operator.`,
  );

/** Splits the path of an inference URL: everything before the protocol's part, the model's name, its version. */
const INFER = /^(.*)\/v2\/models\/([^/]+)(\/versions\/[^/]+)?\/infer\/?$/;

/** Returns the model's name in the URL of an inference request (Open Inference Protocol v2); null for another URL. */
export function modelOfUrl(url: string): string | null {
  const name = URL.canParse(url) ? INFER.exec(new URL(url).pathname)?.[2] : undefined;
  return name ?? null;
}

/**
 * Makes a URL of the classifier's model.
 *
 * @param upstream UPSTREAM_URL: where inference requests go, or the server's root
 * @param model the classifier's name
 * @param end what is asked of it, such as `/infer` and `/ready`; empty for its metadata
 * @param version the one that the client names; without it, the one in `upstream`, if there is one
 */
export function modelUrl(upstream: string, model: string, end: string, version?: string): URL {
  const url = new URL(upstream);
  const whole = INFER.exec(url.pathname);
  const [, root, name, configured = ''] = whole ?? [undefined, url.pathname.replace(/\/(v2\/?)?$/, ''), encodeURIComponent(model)];
  url.pathname = `${root}/v2/models/${name}${version === undefined ? configured : `/versions/${version}`}${end}`;
  return url;
}
