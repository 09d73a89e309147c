import { spawn } from 'node:child_process';
import { BackendError } from '../backend-error.ts';

export interface ProgramOptions {
  /** Where its standard output goes: shown as it comes (on standard error where ours is for machines), or kept. */
  output: 'stdout' | 'stderr' | 'kept';
  signal?: AbortSignal;
  /** What to say where there is no such program. */
  missing: string;
}

export interface Ended {
  code: number | null;
  /** What it printed on standard output, where that was kept. */
  output: string;
  /** The end of what it printed on standard error. */
  errors: string;
}

/**
 * Runs a program to its end. Its standard error is shown too, unless its output is kept.
 *
 * @throws BackendError where it is missing; AbortError where `signal` was aborted, after it has ended
 */
export function runProgram(command: string, args: string[], { output, signal, missing }: ProgramOptions): Promise<Ended> {
  const shown = output === 'stdout' ? 'inherit' : output === 'stderr' ? 2 : 'pipe';
  const child = spawn(command, args, { stdio: ['ignore', shown, 'pipe'], ...(signal ? { signal } : {}) });
  const ended: Ended = { code: null, output: '', errors: '' };
  child.stdout?.on('data', (text) => {
    ended.output += text;
  });
  child.stderr?.on('data', (text) => {
    ended.errors = (ended.errors + text).slice(-4000);
    if (output !== 'kept') process.stderr.write(text);
  });
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    child.once('error', (error) => {
      const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      failure = absent ? new BackendError(missing) : error;
      if (child.pid === undefined) reject(failure);
    });
    child.once('close', (code) => (failure ? reject(failure) : resolve({ ...ended, code })));
  });
}
