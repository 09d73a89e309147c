import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseJsonOrNull } from '../../node/files/files.ts';

/** The last line that a probe process writes: a `fault`, or null and its findings. */
export type Probed<Findings> = (Findings & { fault: null }) | { fault: string };

const MOST_MS = 120_000;

/**
 * Tries a backend in a process of its own: a library or a driver that is broken, or made for another processor, ends the process or
 * never answers.
 *
 * @param entry program that writes a `Probed` as the last line of its output
 * @returns what it wrote, or how it ended; and its standard error
 */
export function probe<Findings>(entry: URL, args: string[], env = {}): Promise<{ probed: Probed<Findings>; errors: string }> {
  const options = { env: { ...process.env, ...env }, timeout: MOST_MS, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, [fileURLToPath(entry), ...args], options, (error, output, errors) => {
      // Whatever its end was: what it had computed by then was right, and a training waits for no more than that.
      const written = parseJsonOrNull(lastLine(output)) as Probed<Findings> | null;
      const reason = lastLine(errors);
      const ended = `trying it ended its process with ${error?.signal ?? error?.code ?? 0}${reason && ` (${reason})`}`;
      resolve({ probed: written ?? { fault: ended }, errors });
    });
  });
}

const lastLine = (text: string) => text.trim().split('\n').at(-1) ?? '';
