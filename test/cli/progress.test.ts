import { afterEach, expect, it, vi } from 'vitest';
import { evaluationProgress, trainingProgress } from '../../cli/progress.ts';

afterEach(() => vi.useRealTimers());

it('images a second and the time left are those of the steps, not of what came before or between', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const said: string[] = [];
  const progress = trainingProgress({ isTTY: false, write: (text: string | Uint8Array) => said.push(String(text)) > 0 }, 10);
  const step = (number: number) =>
    progress.step({ epoch: 1, step: number, steps: 141, images: 128, reconstruction: 20, latent: 1, total: 21 });
  // Reading the images.
  vi.advanceTimersByTime(100_000);
  for (let number = 41; number <= 51; number++) {
    step(number);
    vi.advanceTimersByTime(1000);
  }
  progress.line('epoch 1 done');
  for (let number = 52; number <= 62; number++) {
    step(number);
    vi.advanceTimersByTime(1000);
  }
  expect(said.map((line) => line.replace(/, loss .*?(, \S+( \S+)? left)/, '$1'))).toEqual([
    'epoch 1, step 41 of 141, ? images/s, ? left\n',
    'epoch 1 done\n',
    'epoch 1, step 52 of 141, 128 images/s, 1m 29s left\n',
  ]);
});

it('the time left of an evaluation is the expected one until its pace says something: the first jobs open the bundle', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const said: string[] = [];
  const progress = evaluationProgress({ isTTY: false, write: (text: string | Uint8Array) => said.push(String(text)) > 0 }, '', 30);
  progress.start({ jobs: 72, before: 0, seconds: 600, threads: 1, backend: 'native' });
  const step = (done: number, work: number) => {
    vi.advanceTimersByTime(60_000);
    progress.step({ done, jobs: 72, work, allWork: 1000 });
  };
  step(1, 1);
  step(2, 100);
  expect(said.slice(1)).toEqual(['1 of 72 jobs, 9m 59s left at most\n', '2 of 72 jobs, 18m 0s left at most\n']);
});
