import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/**
 * Resolves a path as the caller of a command means it. pnpm runs the project's commands in the project's folder, wherever it is called;
 * `INIT_CWD` is the caller's folder.
 */
export function callersPath(path: string): string {
  const { INIT_CWD = ROOT } = process.env;
  const isRunByPnpm = resolve(process.cwd()) === ROOT && resolve(INIT_CWD) !== ROOT;
  return isRunByPnpm ? resolve(INIT_CWD, path) : path;
}
