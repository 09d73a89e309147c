import { join } from 'node:path';
import { vi } from 'vitest';

let runs = 0;

/**
 * Runs a command in the process of the test, which costs a fraction of a process of its own: for commands that end by themselves and whose
 * signals and locks do not matter.
 *
 * @param name of its file in cli/
 * @param folder where it is called
 * @returns its exit code and what it wrote
 */
export async function runInProcess(name: string, args: readonly string[], folder = process.cwd()) {
  const written = { out: '', err: '' };
  const capture = (stream: 'out' | 'err', line: 'log' | 'error') => [
    vi.spyOn(process[`std${stream}`], 'write').mockImplementation((text) => {
      written[stream] += text;
      return true;
    }),
    vi.spyOn(console, line).mockImplementation((...parts) => {
      written[stream] += `${parts.map((part) => (part instanceof Error ? part.stack : part)).join(' ')}\n`;
    }),
  ];
  const spies = [...capture('out', 'log'), ...capture('err', 'error')];
  const { argv, exitCode } = process;
  const before = process.cwd();
  try {
    process.argv = [process.execPath, `${name}.ts`, ...args];
    process.exitCode = 0;
    process.chdir(folder);
    // A command runs when its module is evaluated: with another query it is evaluated again, its imports are not.
    await import(/* @vite-ignore */ `${join(import.meta.dirname, '../../cli', name)}.ts?${++runs}`);
    return { code: process.exitCode, ...written };
  } finally {
    process.chdir(before);
    Object.assign(process, { argv, exitCode });
    for (const spy of spies) spy.mockRestore();
  }
}
