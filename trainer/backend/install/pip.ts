import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../../node/files/files.ts';
import { type ProgramOptions, runProgram } from '../../../node/processes/run-program.ts';
import { BackendError } from '../backend.ts';
import type { Manifest } from './manifests.ts';

/** As node-gyp has it: which Python, if not `python3`. */
export const python = () => process.env.PYTHON || 'python3';

export const NO_PYTHON =
  'there is no python3, whose pip fetches the libraries. Install it (Debian, Ubuntu: apt install python3-pip), or name one with PYTHON=/path/to/python3.';

/** @throws BackendError where there is no Python with pip */
export async function checkPip(options: Pick<ProgramOptions, 'signal'> = {}): Promise<void> {
  const { code } = await runProgram(python(), ['-m', 'pip', '--version'], {
    ...options,
    output: 'kept',
    missing: new BackendError(NO_PYTHON),
  });
  if (code !== 0)
    throw new BackendError(
      `${python()} has no pip, which fetches the libraries. Install it (Debian, Ubuntu: apt install python3-pip; elsewhere: ${python()} -m ensurepip).`,
    );
}

/**
 * Downloads the wheels of a manifest by pip, from the index that pip is set up for. Those that are in the folder already, whole, are
 * not fetched again. pip itself refuses a file that has not the manifest's checksum.
 *
 * @returns their paths, in the manifest's order
 * @throws BackendError saying what to do; AbortError
 */
export async function fetchWheels(manifest: Manifest, folder: string, options: Omit<ProgramOptions, 'missing'>): Promise<string[]> {
  await makeFolder(folder);
  const requirements = join(folder, `${manifest.name}.txt`);
  await writeFile(requirements, manifest.wheels.map(({ requirement, sha256 }) => `${requirement} --hash=sha256:${sha256}\n`).join(''));
  const { code, errors } = await runProgram(
    python(),
    [
      ...['-m', 'pip', '--disable-pip-version-check', 'download', '--require-hashes', '--no-deps', '--only-binary=:all:', '--no-cache-dir'],
      ...['--implementation', 'cp', '--python-version', '3.11', '--abi', 'cp311', '--abi', 'none'],
      ...manifest.platforms.flatMap((platform) => ['--platform', platform]),
      ...['--dest', folder, '--requirement', requirements],
    ],
    { ...options, missing: new BackendError(NO_PYTHON) },
  );
  if (code !== 0)
    throw new BackendError(`pip could not fetch ${manifest.wheels.map(({ requirement }) => requirement).join(', ')}: ${adviceOn(errors)}`);
  const files = await readdir(folder);
  return manifest.wheels.map(({ requirement }) => {
    const [name, version] = requirement.split('==') as [string, string];
    const file = files.find((file) => file.startsWith(`${name.replaceAll('-', '_')}-${version}-`));
    if (!file)
      throw new BackendError(`pip ended well, but there is no wheel of ${requirement} in ${folder}. Remove that folder and try again.`);
    return join(folder, file);
  });
}

/** What pip's last words usually mean. */
function adviceOn(errors: string): string {
  if (/DO NOT MATCH THE HASHES/i.test(errors))
    return 'a file is not the one that was checked when this version was made: the index or the network gave another. Nothing was installed; try again, or set pip to another index.';
  if (/No space left|Errno 28/i.test(errors))
    return 'the disk is full. Free some space (PORTCULLIS_CACHE names another folder, TMPDIR where pip works), then try again.';
  if (/No matching distribution/i.test(errors))
    return 'the index that pip is set up for has it not (pip config list shows which), or could not be reached.';
  return `pip says why above. Without a network nothing can be fetched; what is whole in the download folder is kept for the next try.`;
}
