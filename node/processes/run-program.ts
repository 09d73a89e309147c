import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Script that Node runs in front of a command, to end the command when its starter is gone. */
export const SUPERVISE = fileURLToPath(new URL('supervise.ts', import.meta.url));
/** Exit code of `supervise.ts` if there is no such command. */
const MISSING = 127;

export interface ProgramOptions {
  /** Destination of its standard output: shown as it arrives (on standard error if ours is for machines), or kept. */
  output: 'stdout' | 'stderr' | 'kept';
  /** Ends the program and everything that it started. */
  signal?: AbortSignal | undefined;
  env?: Record<string, string>;
  /** Error to throw if there is no such program; without it the exit code is null. */
  missing?: Error;
}

export interface Ended {
  /** Exit code; null if the program could not be started. */
  code: number | null;
  /** Standard output, if it was kept. */
  output: string;
  /** The last 4000 characters of standard error. */
  errors: string;
}

/**
 * Runs a program to its end. Its standard error is shown too, unless its output is kept. The program ends with this process, even if
 * this process is killed, so that its files are free for another.
 *
 * @throws `missing`; AbortError after the program has ended, if `signal` was aborted
 */
export function runProgram(command: string, args: readonly string[], options: ProgramOptions): Promise<Ended> {
  const { output, signal, env, missing } = options;
  signal?.throwIfAborted();
  const stdout = output === 'stdout' ? 'inherit' : output === 'stderr' ? 2 : 'pipe';
  // Its own process group: programs that it starts end with it.
  const child = spawn(process.execPath, [SUPERVISE, command, ...args], {
    stdio: ['pipe', stdout, 'pipe'],
    env: { ...process.env, ...env },
    detached: true,
  });
  const end = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  };
  signal?.addEventListener('abort', end, { once: true });
  const ended: Ended = { code: null, output: '', errors: '' };
  child.stdout?.on('data', (text) => {
    ended.output += text;
  });
  child.stderr?.on('data', (text) => {
    ended.errors = (ended.errors + text).slice(-4000);
    if (output !== 'kept') process.stderr.write(text);
  });
  return new Promise((resolve, reject) => {
    const done = (code: number | null) => {
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason);
      else if (code === MISSING && missing) reject(missing);
      else resolve({ ...ended, code });
    };
    child.once('error', () => done(null));
    child.once('close', done);
  });
}
