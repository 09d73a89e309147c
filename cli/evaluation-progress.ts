import { SingleBar } from 'cli-progress';
import type { Progress } from '../evaluate/jobs/run-jobs.ts';
import { duration } from './progress.ts';

/** Shows an evaluation's jobs, with the protocol's name where there are several: a bar on a terminal, a plain line every half minute elsewhere. */
export function evaluationProgress(stream: NodeJS.WriteStream, name: string, everySeconds = 30) {
  const of = name === '' ? '' : `${name}: `;
  let started = performance.now();
  let said = started;
  const bar = stream.isTTY
    ? new SingleBar({ stream, format: '{bar} {percentage}% | {done} of {jobs} jobs | {left} left at most', hideCursor: true })
    : null;
  return {
    start({
      jobs,
      before,
      seconds,
      threads,
      backend,
    }: {
      jobs: number;
      before: number;
      seconds: number;
      threads: number;
      backend: string;
    }): void {
      const known = before > 0 ? `, ${before} were done before` : '';
      stream.write(
        `${jobs} ${jobs === 1 ? 'job' : 'jobs'}${known}; ${duration(seconds)} at most on ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${backend}\n`,
      );
      started = performance.now();
      said = started;
      bar?.start(100, 0, { done: 0, jobs, left: duration(seconds) });
    },
    step({ done, jobs, work, allWork }: Progress): void {
      const seconds = (performance.now() - started) / 1000;
      const left = duration((seconds / Math.max(work, 1e-9)) * (allWork - work));
      if (bar) bar.update((100 * work) / allWork, { done, jobs, left });
      else if (performance.now() - said > everySeconds * 1000) {
        said = performance.now();
        stream.write(`${of}${done} of ${jobs} jobs, ${left} left at most\n`);
      }
    },
    stop(): void {
      bar?.stop();
    },
  };
}
