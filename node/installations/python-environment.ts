import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../../shared/user-error.ts';
import { runProgram } from '../processes/run-program.ts';

/** Written last: without it an environment is not whole. */
const MARK = 'complete';

/** There is no such Python, or its packages can't be installed. */
export class PythonError extends UserError {}

/**
 * Makes a virtual environment with pinned packages, if there is none yet.
 *
 * @param cache folder that keeps the environments
 * @param requirements file that pins the packages, as pip reads it
 * @param interpreter command of a Python that has venv
 * @returns path of its interpreter
 * @throws PythonError
 */
export async function pythonEnvironment(cache: string, requirements: string, interpreter: string): Promise<string> {
  const pinned = await readFile(requirements);
  const key = createHash('sha256').update(pinned).digest('hex').slice(0, 12);
  const directory = join(cache, `${basename(requirements, '.txt')}-${key}`);
  const python = join(directory, 'bin', 'python');
  if (existsSync(join(directory, MARK))) return python;
  console.error(`making a Python environment of ${basename(requirements)} in ${directory}, once`);
  await rm(directory, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  const missing = new PythonError(`${interpreter} is needed on the PATH, with venv (Debian: apt install python3-venv)`);
  const made = await runProgram(interpreter, ['-m', 'venv', directory], { output: 'stderr', missing });
  if (made.code !== 0) throw missing;
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  const installed = await runProgram(python, pip, { output: 'stderr' });
  if (installed.code !== 0) throw new PythonError(`pip could not install ${requirements}; its own words are above`);
  await writeFile(join(directory, MARK), pinned);
  return python;
}
