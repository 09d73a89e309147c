import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Run before a command, by Node: it ends the command where its starter is gone, see there. */
export const SUPERVISE = fileURLToPath(new URL('supervise.ts', import.meta.url));
/** How it ends where there is no such command. */
const MISSING = 127;

export interface ProgramOptions {
  /** Where its standard output goes: shown as it comes (on standard error where ours is for machines), or kept. */
  output: 'stdout' | 'stderr' | 'kept';
  /** Ends it, and what it started. */
  signal?: AbortSignal;
  env?: Record<string, string>;
  /** Thrown where there is no such program; without it that is exit code null. */
  missing?: Error;
}

export interface Ended {
  /** null where it could not be started. */
  code: number | null;
  /** What it printed on standard output, where that was kept. */
  output: string;
  /** The end of what it printed on standard error. */
  errors: string;
}

/**
 * Runs a program to its end. Its standard error is shown too, unless its output is kept. It ends with this process, even where that is
 * killed: what it writes to is free for another.
 *
 * @throws `missing`; AbortError where `signal` was aborted, after it has ended
 */
export function runProgram(command: string, args: readonly string[], options: ProgramOptions): Promise<Ended> {
  const { output, signal, env, missing } = options;
  signal?.throwIfAborted();
  const shown = output === 'stdout' ? 'inherit' : output === 'stderr' ? 2 : 'pipe';
  // A group of its own: what it starts in its turn is ended with it.
  const child = spawn(process.execPath, [SUPERVISE, command, ...args], {
    stdio: ['pipe', shown, 'pipe'],
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
