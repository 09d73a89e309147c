import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FallbackError } from '../../../edge/escalation/fallback.ts';
import { createBreaker, createBulkhead, resilienceOf } from '../../../edge/escalation/resilience.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const soon = (milliseconds: number) => Date.now() + milliseconds;
/** The outcome of a request that workerd dropped: it never settles. */
const dropped = () => new Promise<never>(() => undefined);

it('requests that are dropped give their places back when their time is over', async () => {
  const { run, state } = resilienceOf(8);
  const patience = () => ({ deadline: soon(1000), signal: new AbortController().signal });
  for (let i = 0; i < 8; i++) void run(dropped, patience());
  await expect(run(async () => 'found', patience())).rejects.toThrow('the limit of 8 concurrent requests to it is reached');
  expect(state()).toMatchObject({ breaker: 'closed', free: 0 });
  vi.advanceTimersByTime(1000);
  expect(state()).toMatchObject({ breaker: 'closed', free: 8 });
  await expect(run(async () => 'found', patience())).resolves.toBe('found');
});

it('a place is given back once, also where its time was over before', () => {
  const bulkhead = createBulkhead(1);
  const leave = bulkhead.enter(soon(1000));
  vi.advanceTimersByTime(1000);
  expect(bulkhead.enter(soon(1000))).not.toBeNull();
  leave?.();
  expect(bulkhead.free()).toBe(0);
});

it('a dropped probe of what was left alone is followed by another when its time is over', () => {
  const breaker = createBreaker(2, 10_000);
  for (let i = 0; i < 2; i++) breaker.attempt(soon(1000))?.(false);
  expect([breaker.state(), breaker.attempt(soon(1000))]).toEqual(['open', null]);
  vi.advanceTimersByTime(10_000);
  const probe = breaker.attempt(soon(1000));
  expect([breaker.state(), breaker.attempt(soon(1000))]).toEqual(['half-open', null]);
  vi.advanceTimersByTime(1000);
  const another = breaker.attempt(soon(1000));
  probe?.(false);
  expect(breaker.state(), 'what comes too late does not count').toBe('half-open');
  another?.(true);
  expect(breaker.state()).toBe('closed');
});

it('a probe that fails: left alone for as long again', () => {
  const breaker = createBreaker(1, 10_000);
  breaker.attempt(soon(1000))?.(false);
  vi.advanceTimersByTime(10_000);
  breaker.attempt(soon(1000))?.(false);
  vi.advanceTimersByTime(9999);
  expect(breaker.attempt(soon(1000))).toBeNull();
  vi.advanceTimersByTime(1);
  expect(breaker.attempt(soon(1000))).not.toBeNull();
});

it('failures between which one succeeds are not in a row', () => {
  const breaker = createBreaker(2, 10_000);
  for (const succeeded of [false, true, false]) breaker.attempt(soon(1000))?.(succeeded);
  expect(breaker.state()).toBe('closed');
});

it('an attempt that says nothing of the fallback changes nothing, and keeps nobody else from finding out', () => {
  const breaker = createBreaker(2, 10_000);
  for (const outcome of [false, null, null, null, false]) breaker.attempt(soon(1000))?.(outcome);
  expect(breaker.state(), 'two failures, with nothing between them').toBe('open');
  vi.advanceTimersByTime(10_000);
  breaker.attempt(soon(1000))?.(null);
  expect(breaker.state()).toBe('half-open');
  breaker.attempt(soon(1000))?.(true);
  expect(breaker.state()).toBe('closed');
  for (let i = 0; i < 10; i++) breaker.attempt(soon(1000))?.(null);
  expect(breaker.state()).toBe('closed');
});

it('a request that the fallback does not take is not held against it; any other answer is', async () => {
  const refusing = resilienceOf(8);
  const patience = () => ({ deadline: soon(1000), signal: new AbortController().signal });
  const fail = (blame: 'request' | 'fallback') => () => Promise.reject(new FallbackError('no', blame));
  for (let i = 0; i < 20; i++) await expect(refusing.run(fail('request'), patience())).rejects.toThrow('no');
  expect(refusing.state().breaker).toBe('closed');
  for (let i = 0; i < 5; i++) await expect(refusing.run(fail('fallback'), patience())).rejects.toThrow('no');
  expect(refusing.state().breaker).toBe('open');
});
