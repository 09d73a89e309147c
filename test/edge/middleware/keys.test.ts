import { env } from 'cloudflare:workers';
import { describe, expect, inject, it } from 'vitest';
import { configOf, shownConfig } from '../../../edge/config.ts';
import type { ProblemError } from '../../../edge/problem.ts';
import digit7 from '../../samples/digit-7-a.png';
import { app, keyEntry, model, post, problemName } from '../real-model.ts';

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const screen = (env: object, headers: Record<string, string> = {}, query = '') =>
  post(`/screen${query}`, digit7, 'image/png', env, headers);
const get = (path: string, env: object = {}, headers: Record<string, string> = {}) =>
  app.request(path, { headers }, env as Record<string, unknown>);

describe('keys', async () => {
  const KEYS = [
    await keyEntry('camera', 'screen', 'one'),
    await keyEntry('desk', 'explain', 'two'),
    await keyEntry('ops', 'admin', 'three'),
    await keyEntry('gone', 'screen+explain+admin', 'four', '2020-01-01'),
    await keyEntry('later', 'screen', 'five', '2999-01-01'),
  ].join(',\n');

  it.each<Record<string, string>>([{}, bearer('six'), { authorization: 'Basic one' }, bearer('one,'), bearer('four'), bearer('')])(
    'without a right one nothing is screened: %o',
    async (headers) => {
      const response = await screen({ KEYS }, headers);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await problemName(response)).toBe('unauthorized');
    },
  );

  it.each([
    ['one', 200, 403, 403],
    ['two', 200, 200, 403],
    ['three', 403, 403, 200],
    ['five', 200, 403, 403],
  ])('%s: screen %i, explain %i, admin %i', async (key, ...statuses) => {
    const responses = [
      await screen({ KEYS }, bearer(key)),
      await screen({ KEYS }, bearer(key), '?explain=1'),
      await get('/status', { KEYS }, bearer(key)),
    ];
    expect(responses.map(({ status }) => status)).toEqual(statuses);
    expect((await get('/model/evidence', { KEYS }, bearer(key))).status).toBe(statuses[1]);
  });

  it('evidence is shown with the scope explain: outcomes of attacks with their counts, of this very bundle', async () => {
    const shown = await (await get('/model/evidence', { KEYS }, bearer('two'))).json();
    const { id, evidence, thresholds } = model.screening;
    expect(shown).toMatchObject({ id, evidence, thresholds });
    expect(evidence.length).toBeGreaterThan(0);
    expect(evidence.every((outcome) => outcome.id === id)).toBe(true);
    expect(await (await get('/model', { KEYS }, bearer('two'))).json()).not.toHaveProperty('evidence');
  });

  it('with the scope explain the model says how fit it is; a wrong key is told so, and no key is needed', async () => {
    const asked = async (headers = {}) => (await get('/model', { KEYS }, headers)).json();
    expect(await asked(bearer('two'))).toMatchObject({
      id: model.screening.id,
      fitness: {
        verdict: 'fit to deploy',
        reasons: expect.arrayContaining([expect.objectContaining({ effect: 'limit' })]),
      },
    });
    for (const headers of [{}, bearer('one')]) expect(await asked(headers)).not.toHaveProperty('fitness');
    expect((await get('/model', { KEYS }, bearer('wrong'))).status).toBe(401);
  });

  it('two of one name count, so that one can be replaced without a pause', async () => {
    const both = `${await keyEntry('camera', 'screen', 'old')},${await keyEntry('camera', 'screen', 'new')}`;
    expect((await screen({ KEYS: both }, bearer('old'))).status).toBe(200);
    expect((await screen({ KEYS: both }, bearer('new'))).status).toBe(200);
  });

  it('without any, everyone may screen and nobody explain or administer', async () => {
    expect((await screen({})).status).toBe(200);
    expect((await screen({}, bearer('any'))).status).toBe(200);
    expect((await screen({}, bearer('any'), '?explain=1')).status).toBe(401);
    expect((await get('/status', {}, bearer('any'))).status).toBe(401);
    expect((await get('/model/evidence')).status).toBe(401);
  });

  it('SCREEN_WITHOUT_KEY opens screening alone; a wrong key is told all the same', async () => {
    const env = { KEYS, SCREEN_WITHOUT_KEY: 'on' };
    expect((await screen(env)).status).toBe(200);
    expect((await screen(env, bearer('wrong'))).status).toBe(401);
    expect((await screen(env, {}, '?explain=1')).status).toBe(401);
  });

  it('what is pasted by mistake is not told', () => {
    try {
      configOf({ KEYS: 'portcullis_the-key-itself' });
      expect.unreachable();
    } catch (error) {
      expect((error as ProblemError).message).toContain('number 1');
      expect((error as ProblemError).message).not.toContain('the-key-itself');
    }
  });

  it('/status tells the configuration, but no secret', async () => {
    const env = {
      KEYS,
      FALLBACK_URL: inject('fallbackUrl'),
      FALLBACK_TOKEN: 'of-the-fallback',
      UPSTREAM_AUTHORIZATION: 'Bearer of-upstream',
    };
    const text = await (await get('/status', env, bearer('three'))).text();
    for (const secret of ['of-the-fallback', 'of-upstream', 'camera']) expect(text).not.toContain(secret);
    expect(JSON.parse(text)).toMatchObject({
      model: model.screening.id,
      problem: null,
      fallback: { breaker: 'closed', free: 8 },
      config: { KEYS: 'set', FALLBACK_TOKEN: 'set', FALLBACK_HMAC_KEY: 'not set', RECLASSIFY: 'fallback', MAX_IMAGES: 64 },
    });
    expect(shownConfig(configOf({})).KEYS).toBe('not set');
  });
});

describe('the rate limit', () => {
  const limiter = (allowed: number) => {
    const counts: Record<string, number> = {};
    return {
      counts,
      limit: async ({ key }: { key: string }) => {
        counts[key] = (counts[key] ?? 0) + 1;
        return { success: counts[key] <= allowed };
      },
    };
  };
  it('counts failed keys against their address alone: nobody else there is kept out', async () => {
    const [RATE_LIMITER, FAILED_KEY_LIMITER] = [limiter(100), limiter(2)];
    const env = { RATE_LIMITER, FAILED_KEY_LIMITER, KEYS: await keyEntry('camera', 'screen', 'one'), SCREEN_WITHOUT_KEY: 'on' };
    const from = async (address: string, headers = {}) => (await screen(env, { 'cf-connecting-ip': address, ...headers })).status;
    const guesses = [];
    // As many addresses as a single connection has.
    for (const i of [1, 2, 3, 4]) guesses.push(await from(`2001:db8:0:7::${i}`, bearer(`guess-${i}`)));
    expect(guesses).toEqual([401, 401, 429, 429]);
    expect(await from('2001:db8:0:7::5', bearer('one'))).toBe(200);
    expect(await from('2001:db8:0:7::5')).toBe(200);
    expect(await from('2001:db8:0:8::1', bearer('guess'))).toBe(401);
    expect(FAILED_KEY_LIMITER.counts).toEqual({ 'failed-key:2001:db8:0:7::/64': 4, 'failed-key:2001:db8:0:8::/64': 1 });
    expect(RATE_LIMITER.counts).toEqual({ 'key:camera': 1, 'address:2001:db8:0:7::/64': 1 });
  });

  it('counts failed keys with RATE_LIMITER where it is the only one, and what a key is not allowed against the key', async () => {
    const RATE_LIMITER = limiter(1);
    const env = { RATE_LIMITER, KEYS: await keyEntry('camera', 'screen', 'one') };
    const statuses = [];
    for (const key of ['two', 'three', 'one']) statuses.push((await get('/status', env, bearer(key))).status);
    expect(statuses).toEqual([401, 429, 403]);
    expect((await get('/status', env, bearer('one'))).status).toBe(429);
    expect((await get('/v2/models/screen/infer', env)).status).toBe(405);
    expect((await post('/v2/models/screen/infer', '{}', 'application/json', env, bearer('four'))).status).toBe(429);
  });

  it('counts by key, else by address; 429 says when to come again', async () => {
    const RATE_LIMITER = limiter(1);
    const env = { RATE_LIMITER, KEYS: await keyEntry('camera', 'screen', 'one'), SCREEN_WITHOUT_KEY: 'on', RATE_LIMIT_PERIOD_S: '10' };
    const from = (address: string) => screen(env, { 'cf-connecting-ip': address });
    expect([(await from('1.1.1.1')).status, (await from('2.2.2.2')).status]).toEqual([200, 200]);
    const refused = await from('1.1.1.1');
    expect([refused.status, refused.headers.get('retry-after'), await problemName(refused)]).toEqual([429, '10', 'too-many-requests']);
    expect((await screen(env, bearer('one'))).status).toBe(200);
    expect(RATE_LIMITER.counts).toEqual({ 'address:1.1.1.1': 2, 'address:2.2.2.2': 1, 'key:camera': 1 });
  });

  it('is that of Workers, with its dataset beside', async () => {
    const bound = { RATE_LIMITER: env.REAL_LIMITER, DECISIONS: env.REAL_DECISIONS };
    const statuses: number[] = [];
    // Its periods follow the clock: five requests, which may lie in two of them, exceed the two that one allows.
    for (let i = 0; i < 5; i++) statuses.push((await screen(bound, { 'cf-connecting-ip': '3.3.3.3' })).status);
    expect(statuses.slice(0, 2)).toEqual([200, 200]);
    expect(statuses).toContain(429);
  });

  it.each<[string, unknown]>([
    ['throws', { limit: () => Promise.reject(new Error('down')) }],
    ['is none', 'of another kind'],
  ])('a binding that %s lets nothing through', async (_, RATE_LIMITER) => {
    expect((await screen({ RATE_LIMITER })).status).toBe(503);
  });
});

describe('other origins', () => {
  const preflight = (env: object) =>
    app.request(
      '/screen',
      { method: 'OPTIONS', headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' } },
      env as Record<string, unknown>,
    );
  it('are not let in unless they are named', async () => {
    expect((await preflight({})).status).toBe(405);
    expect((await screen({}, { origin: 'https://a.example' })).headers.get('access-control-allow-origin')).toBeNull();
    const env = { CORS_ORIGINS: 'https://a.example, https://b.example' };
    const allowed = await preflight(env);
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([204, 'https://a.example']);
    expect(allowed.headers.get('access-control-allow-headers')).toContain('authorization');
    expect((await screen(env, { origin: 'https://c.example' })).headers.get('access-control-allow-origin')).toBeNull();
  });
});
