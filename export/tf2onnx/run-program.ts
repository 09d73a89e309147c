import { spawn } from 'node:child_process';

export interface Ended {
  /** The exit code; null where the program can't be started, or was ended by a signal. */
  code: number | null;
  /** All that it said, on both channels; empty where it was shown. */
  said: string;
}

/**
 * Runs a program to its end.
 *
 * @param options.show its output on standard error (its own progress too), rather than keeping it
 * @param options.signal ends it
 * @throws AbortError once the program has ended, where the signal was aborted
 */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { show?: boolean; signal?: AbortSignal; env?: Record<string, string> } = {},
): Promise<Ended> {
  const { show, signal, env } = options;
  signal?.throwIfAborted();
  // A group of its own: what it starts in its turn is ended with it.
  const child = spawn(program, args, {
    stdio: show ? ['ignore', 2, 2] : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    detached: true,
  });
  const end = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  };
  signal?.addEventListener('abort', end, { once: true });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
  return new Promise((resolve, reject) => {
    const done = (code: number | null) => {
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason);
      else resolve({ code, said });
    };
    child.once('error', () => done(null));
    child.once('close', done);
  });
}
