import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { runProgram } from '../../node/processes/run-program.ts';

const PYTHON = 'python3.11';
/** Written last: without it an environment is not whole. */
const MARK = 'complete';

/** Returns the folder of the environments: from a flag, the variable PEERS_CACHE, or the user's cache. */
export const cacheFolder = (given?: string) => resolve(given ?? process.env.PEERS_CACHE ?? join(homedir(), '.cache', 'portcullis-peers'));

/**
 * Makes a virtual environment with pinned packages, if there is none yet.
 *
 * @param cache folder that keeps the environments
 * @param requirements file beside this one, such as requirements.txt
 * @returns path of its interpreter
 * @throws Error if there is no Python 3.11, or its packages can't be installed
 */
export async function pythonWith(cache: string, requirements: 'requirements.txt' | 'requirements-mlserver.txt'): Promise<string> {
  const file = join(import.meta.dirname, requirements);
  const pinned = await readFile(file);
  const key = createHash('sha256').update(pinned).digest('hex').slice(0, 12);
  const directory = join(cache, `${requirements.replace('.txt', '')}-${key}`);
  const python = join(directory, 'bin', 'python');
  if (existsSync(join(directory, MARK))) return python;
  console.error(`making a Python environment of ${requirements} in ${directory}, once`);
  await rm(directory, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  const missing = new Error(`${PYTHON} is needed on the PATH, with venv (Debian: apt install python3.11-venv)`);
  const made = await runProgram(PYTHON, ['-m', 'venv', directory], { output: 'stderr', missing });
  if (made.code !== 0) throw missing;
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', file];
  const installed = await runProgram(python, pip, { output: 'stderr' });
  if (installed.code !== 0) throw new Error(`pip could not install ${file}; its own words are above`);
  await writeFile(join(directory, MARK), pinned);
  return python;
}
