import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder, writeAtomically } from '../../node/files/files.ts';
import { runProgram } from '../../node/processes/run-program.ts';
import { UserError } from '../../shared/user-error.ts';

/** Python, its packages, or what was run by it failed; the message says what to do. */
export class PythonError extends UserError {}

/** The pins were tried with this one; of some packages there is no other. */
const VERSION = '3.11';
const CANDIDATES = [`python${VERSION}`, 'python3', 'python'];
const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));
/** Written last: without it an environment is not whole. */
const MARK = 'complete';

/**
 * A Python with tensorflowjs and tf2onnx: a virtual environment in `cache`, made where it is not there yet (2.6 GB). One that
 * is half made is begun anew, with what pip has downloaded already.
 *
 * @param say is told what takes long
 * @returns path of the interpreter
 * @throws PythonError where there is no Python 3.11, or its packages can't be installed; AbortError
 */
export async function pythonEnvironment(cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const requirements = await readFile(REQUIREMENTS);
  const key = createHash('sha256').update(requirements).digest('hex').slice(0, 12);
  const directory = join(cache, `tf2onnx-${key}`);
  const python = join(directory, 'bin', 'python');
  if (existsSync(join(directory, MARK)) && (await versionOf(python, signal)) === VERSION) return python;
  const base = await findPython(signal);
  say(`making a Python environment in ${directory}: 2.6 GB, some minutes, once. It may be removed at any time.`);
  await rm(directory, { recursive: true, force: true });
  await makeFolder(cache);
  const made = await runProgram(base, ['-m', 'venv', directory], keptOf(signal));
  if (made.code !== 0)
    throw new PythonError(
      `${base} can't make a virtual environment: ${lastLines(made.output + made.errors)}\nInstall its venv and pip (Debian: apt install python${VERSION}-venv), or name a ready Python with --python.`,
    );
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', REQUIREMENTS];
  const installed = await runProgram(python, pip, { ...keptOf(signal), output: 'stderr' });
  if (installed.code !== 0)
    throw new PythonError(
      `pip could not install ${REQUIREMENTS} (its own words are above). Can the package index be reached, and is there room for 2.6 GB? Run the command again to go on, or name a ready Python with --python.`,
    );
  await writeAtomically(join(directory, MARK), requirements);
  return python;
}

/**
 * Whether a Python that was named has what is needed.
 *
 * @throws PythonError naming what is missing
 */
export async function checkPython(python: string, signal?: AbortSignal): Promise<void> {
  const found = await versionOf(python, signal);
  if (found === null) throw new PythonError(`${python} is no Python that can be run. Name an interpreter (…/bin/python) with --python.`);
  const modules = ['tensorflow', 'tensorflowjs', 'tf2onnx', 'onnx'];
  const code = `import importlib.util, sys; print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name) is None])`;
  const missing = (await runProgram(python, ['-c', code, ...modules], keptOf(signal))).output.trim();
  if (missing)
    throw new PythonError(
      `${python} (Python ${found}) lacks ${missing.replaceAll(' ', ', ')}. Install them (pip install -r ${REQUIREMENTS}, Python ${VERSION}), or leave --python out.`,
    );
}

async function findPython(signal?: AbortSignal): Promise<string> {
  const found: string[] = [];
  for (const candidate of CANDIDATES) {
    const version = await versionOf(candidate, signal);
    if (version === VERSION) return candidate;
    if (version !== null) found.push(`${candidate} is ${version}`);
  }
  throw new PythonError(
    `Python ${VERSION} is needed, on the PATH as ${CANDIDATES.join(', ')}; ${found.join(', ') || 'there is none'}. Install it, or name a ready environment with --python.`,
  );
}

/** Such as `3.11`, or null where it is no Python. */
async function versionOf(python: string, signal?: AbortSignal): Promise<string | null> {
  const { code, output } = await runProgram(python, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], keptOf(signal));
  const version = output.trim();
  return code === 0 && /^\d+\.\d+$/.test(version) ? version : null;
}

const keptOf = (signal?: AbortSignal) => ({ output: 'kept' as const, ...(signal ? { signal } : {}) });

/** Where a program says most of what went wrong. */
export const lastLines = (said: string, count = 5) => said.trim().split('\n').slice(-count).join('\n');
