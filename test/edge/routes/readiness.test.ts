import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createApp } from '../../../edge/app.ts';
import type { Model } from '../../../shared/screening/model.ts';
import { model } from '../real-model.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  for (const level of ['log', 'error'] as const) vi.spyOn(console, level).mockImplementation(() => undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const PATHS = ['/health/ready', '/v2/health/ready', '/v2/models/screen/ready', `/v2/models/screen/versions/${model.screening.id}/ready`];

/** An app whose model counts its runs, and may be made to compute something else. */
function counting(checkedAtStart: boolean) {
  const state = { runs: 0, off: 0 };
  const counted: Model = {
    ...model,
    screen: async (...given) => {
      state.runs++;
      const output = await model.screen(...given);
      return { ...output, latentDistance: output.latentDistance.map((value) => value + state.off) };
    },
  };
  const app = createApp({ model: () => Promise.resolve(counted), checkedAtStart, fetcher: fetch });
  const ask = async (path = '/health/ready') => (await app.request(path, {}, {})).status;
  return { state, ask };
}

it('many who ask at once, and for ten seconds, cost one run', async () => {
  const { state, ask } = counting(false);
  const statuses = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(PATHS[i % PATHS.length])));
  expect([new Set(statuses), state.runs]).toEqual([new Set([200]), 1]);
  vi.advanceTimersByTime(9999);
  expect([await ask(), state.runs]).toEqual([200, 1]);
  vi.advanceTimersByTime(1);
  expect([await ask(), await ask(), state.runs]).toEqual([200, 200, 2]);
});

it('the check at the start counts from the first question on', async () => {
  const { state, ask } = counting(true);
  vi.advanceTimersByTime(3_600_000);
  expect([await ask(), state.runs]).toEqual([200, 0]);
  vi.advanceTimersByTime(10_000);
  expect([await ask(), state.runs]).toEqual([200, 1]);
});

it.each(PATHS)('%s: a model that computes something else is found out within ten seconds, and again when it is well', async (path) => {
  const { state, ask } = counting(true);
  expect(await ask(path)).toBe(200);
  state.off = 1;
  expect(await ask(path), 'by the last check').toBe(200);
  vi.advanceTimersByTime(10_000);
  for (let i = 0; i < 20; i++) expect(await ask(path)).toBe(503);
  expect(state.runs).toBe(1);
  state.off = 0;
  vi.advanceTimersByTime(10_000);
  expect(await ask(path)).toBe(200);
});
