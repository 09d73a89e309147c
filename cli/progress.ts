import { SingleBar } from 'cli-progress';
import type { Progress } from '../evaluate/jobs/run-jobs.ts';
import type { Step } from '../trainer/fit.ts';

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'write'>;

/**
 * Shows the progress of a training: a bar on a terminal, a plain line every `everySeconds` elsewhere. Both show images per second, the
 * parts of the loss and the time left. They ignore the time before the first step, when data is read and threads start.
 */
export function trainingProgress(stream: Stream, everySeconds = 10) {
  let first: { step: number; at: number } | null = null;
  let images = 0;
  let isBarShown = false;
  const bar = barOn(stream, '{bar} {percentage}% | epoch {epoch} | {rate} images/s | {losses} | {left} left');
  const isDue = every(everySeconds);
  const figuresOf = (step: Step, start: { step: number; at: number }) => {
    const seconds = (performance.now() - start.at) / 1000;
    // Only the steps of this process took this time, not those before a resume.
    const steps = step.step - start.step;
    const latent = step.total - step.reconstruction;
    return {
      epoch: step.epoch,
      rate: steps > 0 ? Math.round(images / seconds) : '?',
      losses: `loss ${step.total.toFixed(1)} = reconstruction ${step.reconstruction.toFixed(1)} + weighted latent ${latent.toFixed(1)}`,
      left: steps > 0 ? duration((seconds / steps) * (step.steps - step.step)) : '?',
    };
  };
  return {
    step(step: Step): void {
      if (first) images += step.images;
      first ??= { step: step.step, at: performance.now() };
      if (bar) {
        if (!isBarShown) bar.start(step.steps, 0, figuresOf(step, first));
        isBarShown = true;
        bar.update(step.step, figuresOf(step, first));
      } else if (isDue()) {
        const { epoch, rate, losses, left } = figuresOf(step, first);
        stream.write(`epoch ${epoch}, step ${step.step} of ${step.steps}, ${rate} images/s, ${losses}, ${left} left\n`);
      }
    },
    /** Writes a line that stays. */
    line(text: string): void {
      bar?.stop();
      isBarShown = false;
      stream.write(`${text}\n`);
    },
    stop(): void {
      bar?.stop();
    },
  };
}

/** Share of an evaluation's work before which the time left is the time that was expected. */
const EARLY_SHARE = 0.05;

/** Start of an evaluation: its jobs, those done before, the longest time expected, and what runs them. */
interface EvaluationStart {
  jobs: number;
  before: number;
  seconds: number;
  threads: number;
  backend: string;
}

/** Shows the progress of an evaluation's jobs. @param name of the protocol, if there are several */
export function evaluationProgress(stream: Stream, name: string, everySeconds = 30) {
  const prefix = name === '' ? '' : `${name}: `;
  let started = performance.now();
  let expected = 0;
  const bar = barOn(stream, '{bar} {percentage}% | {done} of {jobs} jobs | {left} left at most');
  const isDue = every(everySeconds);
  return {
    start({ jobs, before, seconds, threads, backend }: EvaluationStart): void {
      const known = before > 0 ? `, ${before} done before` : '';
      const counts = [`${jobs} ${jobs === 1 ? 'job' : 'jobs'}`, `${threads} ${threads === 1 ? 'thread' : 'threads'}`];
      stream.write(`${counts[0]}${known}; ${duration(seconds)} at most on ${counts[1]}, ${backend}\n`);
      started = performance.now();
      expected = seconds;
      bar?.start(100, 0, { done: 0, jobs, left: duration(seconds) });
    },
    step({ done, jobs, work, allWork }: Progress): void {
      const seconds = (performance.now() - started) / 1000;
      // The first jobs open the bundle and may hold next to no work: their pace says nothing.
      const isEarly = work < EARLY_SHARE * allWork;
      const left = duration((isEarly ? expected / allWork : seconds / work) * (allWork - work));
      if (bar) bar.update((100 * work) / allWork, { done, jobs, left });
      else if (isDue()) stream.write(`${prefix}${done} of ${jobs} jobs, ${left} left at most\n`);
    },
    stop(): void {
      bar?.stop();
    },
  };
}

/** Creates a progress bar. @returns null if the stream is not a terminal */
function barOn(stream: Stream, format: string): SingleBar | null {
  return stream.isTTY ? new SingleBar({ stream: stream as NodeJS.WriteStream, format, hideCursor: true }) : null;
}

/** Returns a function that returns true once per so many seconds. */
function every(seconds: number): () => boolean {
  let last = performance.now();
  return () => {
    if (performance.now() - last <= seconds * 1000) return false;
    last = performance.now();
    return true;
  };
}

/** Formats seconds: 75 → `1m 15s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m ${whole % 60}s`;
}
