import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/**
 * The path that the caller of a command means. pnpm runs the project's commands in the project's folder, wherever it was called;
 * `INIT_CWD` is where that was.
 */
export function callersPath(path: string): string {
  const { INIT_CWD = ROOT } = process.env;
  const isRunByPnpm = resolve(process.cwd()) === ROOT && resolve(INIT_CWD) !== ROOT;
  return isRunByPnpm ? resolve(INIT_CWD, path) : path;
}
