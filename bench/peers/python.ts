import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pythonEnvironment } from '../../node/installations/python-environment.ts';

/** The Python that the pinned packages have builds for. */
const PYTHON = 'python3.11';

/** Returns the folder of the environments: from a flag, the variable PEERS_CACHE, or the user's cache. */
export const cacheFolder = (given?: string) => resolve(given ?? process.env.PEERS_CACHE ?? join(homedir(), '.cache', 'portcullis-peers'));

/**
 * Makes a virtual environment with pinned packages, if there is none yet.
 *
 * @param cache folder that keeps the environments
 * @param requirements file beside this one
 * @returns path of its interpreter
 * @throws PythonError if there is no Python 3.11, or its packages can't be installed
 */
export const pythonWith = (cache: string, requirements: 'requirements.txt' | 'requirements-mlserver.txt'): Promise<string> =>
  pythonEnvironment(cache, join(import.meta.dirname, requirements), PYTHON);
