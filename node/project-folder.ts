import { join, resolve } from 'node:path';

/** The project's folder. */
export const ROOT = resolve(import.meta.dirname, '..');

/** Environment variable that tells threads and child processes that the command was called from another folder than the project's. */
const CALLED_FROM_ELSEWHERE = 'PORTCULLIS_CALLED_FROM_ELSEWHERE';

const { INIT_CWD } = process.env;
// pnpm runs the project's commands in the project's folder, wherever it is called; INIT_CWD is the caller's folder.
if (INIT_CWD && resolve(INIT_CWD) !== ROOT && resolve(process.cwd()) === ROOT) process.env[CALLED_FROM_ELSEWHERE] = '1';
const isCalledFromElsewhere = process.env[CALLED_FROM_ELSEWHERE] === '1';

/** Returns a path in the project: relative, or absolute where pnpm was called from another folder, so that it is usable from there. */
export const projectPath = (...parts: string[]) => (isCalledFromElsewhere ? join(ROOT, ...parts) : join(...parts));

/** Goes to the folder from which pnpm was called: all paths that a command is given, and all that it prints, then count from there. */
export function enterCallersFolder(): void {
  if (isCalledFromElsewhere && INIT_CWD) process.chdir(INIT_CWD);
}
