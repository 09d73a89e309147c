import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder, writeAtomically } from '../../node/files/files.ts';
import { runProgram } from '../../node/processes/run-program.ts';
import { UserError } from '../../shared/user-error.ts';

/** Python, its packages or a program that it ran failed. */
export class PythonError extends UserError {}

/** The version that the pins were tested with. Some packages support no other. */
const VERSION = '3.11';
const CANDIDATES = [`python${VERSION}`, 'python3', 'python'];
const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));
/** Written last: an environment without it is incomplete. */
const MARK = 'complete';

/**
 * Returns the path of a Python with tensorflowjs and tf2onnx, in a virtual environment in `cache` that is made if it is missing (2.6 GB).
 * An incomplete one is made again, from what pip has already downloaded.
 *
 * @param say reports steps that take long
 * @throws PythonError if there is no Python 3.11, or its packages can't be installed; AbortError
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
      `${base} can't make a virtual environment: ${lastLines(made.output + made.errors)}\nInstall its venv and pip ` +
        `(Debian: apt install python${VERSION}-venv), or name a ready Python with --python.`,
    );
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', REQUIREMENTS];
  const installed = await runProgram(python, pip, { ...keptOf(signal), output: 'stderr' });
  if (installed.code !== 0)
    throw new PythonError(
      `pip could not install ${REQUIREMENTS} (its output is above). Check that the package index can be reached and that there is room ` +
        'for 2.6 GB, then run the command again to continue, or name a ready Python with --python.',
    );
  await writeAtomically(join(directory, MARK), requirements);
  return python;
}

/** Checks that a Python has the needed modules. @throws PythonError naming what is missing */
export async function checkPython(python: string, signal?: AbortSignal): Promise<void> {
  const found = await versionOf(python, signal);
  if (found === null) throw new PythonError(`${python} is no Python that can be run. Name an interpreter (…/bin/python) with --python.`);
  const modules = ['tensorflow', 'tensorflowjs', 'tf2onnx', 'onnx'];
  const code = `import importlib.util, sys; print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name) is None])`;
  const missing = (await runProgram(python, ['-c', code, ...modules], keptOf(signal))).output.trim();
  if (missing)
    throw new PythonError(
      `${python} (Python ${found}) lacks ${missing.replaceAll(' ', ', ')}. Install them (pip install -r ${REQUIREMENTS}, ` +
        `Python ${VERSION}), or leave --python out.`,
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
    `Python ${VERSION} is needed, on the PATH as ${CANDIDATES.join(', ')}; ${found.join(', ') || 'there is none'}. Install it, or name a ` +
      'ready environment with --python.',
  );
}

/** Returns a version such as `3.11`, or null if the program is no Python. */
async function versionOf(python: string, signal?: AbortSignal): Promise<string | null> {
  const { code, output } = await runProgram(python, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], keptOf(signal));
  const version = output.trim();
  return code === 0 && /^\d+\.\d+$/.test(version) ? version : null;
}

const keptOf = (signal?: AbortSignal) => ({ output: 'kept' as const, signal });

/** Returns the end of a program's output, which mostly says what went wrong. */
export const lastLines = (output: string, count = 5) => output.trim().split('\n').slice(-count).join('\n');
