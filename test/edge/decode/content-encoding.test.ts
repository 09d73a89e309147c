import { describe, expect, inject, it } from 'vitest';
import digit7 from '../../samples/digit-7-a.png';
import { post } from '../real-model.ts';
import type { Seen } from '../upstream-server.ts';

const UPSTREAM_URL = `${inject('upstreamUrl')}/label/7`;
const seen = async (): Promise<Seen> => (await fetch(`${inject('upstreamUrl')}/seen`)).json();
const gzipped = () => new Response(new Response(digit7).body?.pipeThrough(new CompressionStream('gzip'))).arrayBuffer();

describe('a body with a Content-Encoding', () => {
  it.each(['/screen', '/guard', '/v2/models/screen/infer'])('gets 415 from %s, whether it is compressed or not', async (path) => {
    for (const [body, encoding] of [
      [await gzipped(), 'gzip'],
      [digit7, 'GZIP'],
      [digit7, 'identity, br'],
    ] as const) {
      const type = path.startsWith('/v2') ? 'application/json' : 'image/png';
      const response = await post(path, body, type, { UPSTREAM_URL }, { 'content-encoding': encoding });
      const text = await response.text();
      expect([response.status, text]).toEqual([415, expect.stringMatching(/only identity is allowed/)]);
      expect(response.headers.get('accept-encoding')).toBe('identity');
    }
  });

  it('of identity is as without', async () => {
    for (const path of ['/screen', '/guard'])
      expect((await post(path, digit7, 'image/png', { UPSTREAM_URL }, { 'content-encoding': 'Identity' })).status).toBe(200);
  });

  it('is forwarded with it where the guard only observes', async () => {
    const body = await gzipped();
    const response = await post('/guard', body, 'image/png', { UPSTREAM_URL, GUARD: 'observe' }, { 'content-encoding': 'gzip' });
    expect([response.status, response.headers.get('Portcullis-Verdict')]).toEqual([200, 'error']);
    expect((await seen()).headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(body.byteLength) });
  });
});
