import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseJsonOrNull } from '../../node/files/files.ts';
import type { Installation } from './tensorflow/installations.ts';
import { type Loaded, tensorFlowSettings } from './tensorflow/tensorflow.ts';

export type Probed = (Loaded & { milliseconds: number; fault: null }) | { fault: string };

/**
 * Loads a TensorFlow in a process of its own and lets it multiply, as a library that is cut off, or made for another processor, ends the process.
 *
 * @param gpu whether it may use one
 * @returns what it is, or what is wrong with it
 */
export async function probeTensorFlow({ binding, kind, fault }: Installation, gpu: boolean): Promise<Probed> {
  if (fault) return { fault };
  const entry = fileURLToPath(new URL('tensorflow/probe-process.ts', import.meta.url));
  const child = spawn(process.execPath, [entry, binding, kind], {
    env: { ...process.env, ...tensorFlowSettings(gpu, undefined) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    errors = (errors + text).slice(-2000);
  });
  const ended = await new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  const said = parseJsonOrNull(output.trim().split('\n').at(-1) ?? '') as Probed | null;
  return said ?? { fault: `loading it ended the process with ${ended}${lastLine(errors)}` };
}

const lastLine = (text: string) => {
  const line = text.trim().split('\n').at(-1);
  return line ? ` (${line})` : '';
};
