import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseJsonOrNull } from '../../node/files/files.ts';
import type { Adapter } from './webgpu/adapter.ts';

export type WebGpuProbed = { fault: null; adapter: Adapter } | { fault: string };

/**
 * Lets the webgpu backend multiply in a process of its own, as a driver that is broken ends the process, or never answers.
 *
 * @param kind `hardware`: a software adapter is a fault
 * @returns the adapter, or what is wrong, as the end of a sentence
 */
export function probeWebGpu(kind: 'any' | 'hardware'): Promise<WebGpuProbed> {
  const entry = fileURLToPath(new URL('webgpu/probe-process.ts', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [entry, kind], { timeout: MOST_MS, killSignal: 'SIGKILL' }, (error, output, errors) => {
      const said = parseJsonOrNull(output.trim().split('\n').at(-1) ?? '') as WebGpuProbed | null;
      const told = kind === 'any' ? warningsOf(errors) : '';
      // Whatever the end: what it has computed by then was right, and a training waits for no more than that.
      if (said) resolve(said.fault === null ? said : { fault: `${said.fault}${told}` });
      else resolve({ fault: `trying it ended its process with ${error?.signal ?? error?.code ?? 0}${told}` });
    });
  });
}

const MOST_MS = 60_000;

/** Dawn's own lines on why it passed an adapter over; each attempt writes them again. */
function warningsOf(errors: string): string {
  const lines = errors.split('\n').filter((line) => line.startsWith('Warning: '));
  const told = [...new Set(lines.map((line) => line.slice('Warning: '.length)))];
  return told.length > 0 ? ` (${told.join('; ')})` : '';
}
