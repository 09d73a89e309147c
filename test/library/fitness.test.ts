import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { screening as middleware } from '../../library/hono.ts';
import { bundleOf, createScreener, UnfitError } from '../../library/node.ts';
import { createApp } from '../../library/worker.ts';
import { CLEAN } from '../../shared/bundle/evidence-names.ts';
import { withForced } from '../../shared/bundle/fitness.ts';
import { sha256, withChecksums } from '../../shared/bundle/hashes.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';

const file = (name: string) => readFile(join('models/mnist', name));
const fit = await parseScreening(await readFile('models/mnist/screening.json', 'utf8'));
const seven = new Uint8Array(await readFile('test/samples/digit-7-a.png'));

/** The bundle of digits with another description. */
const bundleWith = async (changed: Partial<Screening>) =>
  bundleOf({
    'screening.json': JSON.stringify(await withChecksums({ ...fit, ...changed })),
    'screen.onnx': file('screen.onnx'),
    'weights.bin': file('weights.bin'),
  });
const trial = { trial: true } as const;
const mostlyWrong = {
  evidence: fit.evidence.map((one) => (one.name === CLEAN ? { ...one, acceptedRight: 0, acceptedWrong: one.images, rejected: 0 } : one)),
};
const unfit = [
  ['a trial', trial, /^model mnist is not fit, so it is not screened with:\n- It was trained with the preset quick.* Train it with/],
  ['a model that is mostly wrong', mostlyWrong, /^model mnist is not fit.*\n- .*are accepted with a wrong class; at most 10 % may be/],
] as const;
const screenSeven = (app: { fetch(request: Request, variables: object): Response | Promise<Response> }) =>
  app.fetch(new Request('http://localhost/screen', { method: 'POST', body: seven, headers: { 'content-type': 'image/png' } }), {
    LOG_REQUESTS: 'off',
  });
const appWith = async (force: boolean) => {
  const app = new Hono();
  app.post('/screen', middleware({ bundle: bundleWith(trial), force }), (c) => c.text('handled'));
  return app;
};

it.each(unfit)('%s is refused by a screener and by the app, with each reason and what to do', async (_, changed, message) => {
  const bundle = await bundleWith(changed);
  for (const refused of [createScreener(bundle), createApp({ bundle }), createScreener(bundle, { force: 'false' as never })]) {
    const error = await refused.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(UnfitError);
    expect((error as UnfitError).message).toMatch(message);
    expect((error as UnfitError).message).toMatch(/\nChoose another, or give force: true to screen with it anyway\.$/);
    expect((error as UnfitError).reasons).toEqual([{ what: expect.any(String), todo: expect.any(String) }]);
  }
});

it.each(unfit)('%s screens by force, and says which reasons were accepted', async (_, changed) => {
  const bundle = await bundleWith(changed);
  const screener = await createScreener(bundle, { force: true });
  expect(await screener.screen(seven)).toMatchObject({ verdict: 'accepted', label: '7' });
  expect(screener.info.id).toBe(fit.id);
  expect(screener.info.screening.forced).toHaveLength(1);
  await screener.close();
  const app = await createApp({ bundle, force: true });
  expect(await (await screenSeven(app)).json()).toMatchObject({ verdict: 'accepted', label: '7' });
});

it('the middleware answers 503 with the reasons, and runs no handler, unless it is forced', async () => {
  const refused = await screenSeven(await appWith(false));
  expect([refused.status, await refused.json()]).toMatchObject([503, { detail: expect.stringContaining('model mnist is not fit') }]);
  expect(await (await screenSeven(await appWith(true))).text()).toBe('handled');
});

it('a bundle that was exported by force needs no other, and what is merely not measured is taken', async () => {
  for (const changed of [{ forced: withForced({ ...fit, ...trial }).forced, ...trial }, { evidence: [] }]) {
    const screener = await createScreener(await bundleWith(changed));
    expect(await screener.screen(seven)).toMatchObject({ verdict: 'accepted' });
    await screener.close();
  }
});

it('the app tells the holder of a key how fit the model is, and what was accepted by force', async () => {
  const app = await createApp({ bundle: bundleWith(trial), force: true });
  const headers = { authorization: 'Bearer secret' };
  const answer = await app.fetch(new Request('http://localhost/model', { headers }), {
    LOG_REQUESTS: 'off',
    KEYS: `one:explain:${await sha256('secret')}`,
  });
  expect(await answer.json()).toMatchObject({ name: 'mnist', fitness: { verdict: 'not fit' }, trial: true, forced: [{ of: 'trial' }] });
});
