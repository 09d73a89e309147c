import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../../node/files/files.ts';
import { type ProgramOptions, runProgram } from '../../../node/processes/run-program.ts';
import { BackendError } from '../backend.ts';
import type { Manifest } from './manifests.ts';

/** Returns the Python to run; as in node-gyp, PYTHON names another than `python3`. */
const python = () => process.env.PYTHON || 'python3';

const runPython = (args: string[], options: ProgramOptions) =>
  runProgram(python(), args, { ...options, missing: new BackendError(NO_PYTHON) });

const NO_PYTHON =
  'there is no python3, whose pip fetches the libraries. ' +
  'Install it (Debian, Ubuntu: apt install python3-pip), or name one with PYTHON=/path/to/python3.';

/** Checks that there is a Python with pip. @throws BackendError if not */
export async function checkPip(signal?: AbortSignal): Promise<void> {
  const { code } = await runPython(['-m', 'pip', '--version'], { output: 'kept', signal });
  if (code === 0) return;
  const install = `Install it (Debian, Ubuntu: apt install python3-pip; elsewhere: ${python()} -m ensurepip)`;
  throw new BackendError(`${python()} has no pip, which fetches the libraries. ${install}.`);
}

/**
 * Downloads the wheels of a manifest by pip, from the index that pip is configured for. Complete ones that are in the folder already
 * are not fetched again. pip itself refuses a file that does not have the manifest's checksum.
 *
 * @returns their paths, in the manifest's order
 * @throws BackendError that says what to do; AbortError
 */
export async function fetchWheels(manifest: Manifest, folder: string, options: Omit<ProgramOptions, 'missing'>): Promise<string[]> {
  await makeFolder(folder);
  const requirements = join(folder, `${manifest.name}.txt`);
  await writeFile(requirements, manifest.wheels.map(({ requirement, sha256 }) => `${requirement} --hash=sha256:${sha256}\n`).join(''));
  const download = [
    ...['-m', 'pip', '--disable-pip-version-check', 'download', '--require-hashes', '--no-deps', '--only-binary=:all:', '--no-cache-dir'],
    ...['--implementation', 'cp', '--python-version', '3.11', '--abi', 'cp311', '--abi', 'none'],
    ...manifest.platforms.flatMap((platform) => ['--platform', platform]),
    ...['--dest', folder, '--requirement', requirements],
  ];
  const { code, errors } = await runPython(download, options);
  const all = manifest.wheels.map(({ requirement }) => requirement).join(', ');
  if (code !== 0) throw new BackendError(`pip could not fetch ${all}: ${adviceOn(errors)}`);
  const files = await readdir(folder);
  return manifest.wheels.map(({ requirement }) => {
    const [name, version] = requirement.split('==') as [string, string];
    const file = files.find((file) => file.startsWith(`${name.replaceAll('-', '_')}-${version}-`));
    if (!file) throw new BackendError(`pip succeeded, but ${folder} has no wheel of ${requirement}. Remove that folder and try again.`);
    return join(folder, file);
  });
}

/** Returns what pip's last words usually mean. */
function adviceOn(errors: string): string {
  if (/DO NOT MATCH THE HASHES/i.test(errors))
    return (
      'a file is not the one that was checked when this version was made: the index or the network gave another. ' +
      'Nothing was installed; try again, or configure pip for another index.'
    );
  if (/No space left|Errno 28/i.test(errors))
    return 'the disk is full. Free some space (PORTCULLIS_CACHE names another folder, TMPDIR where pip works), then try again.';
  if (/No matching distribution/i.test(errors))
    return 'the index that pip is configured for does not have it (pip config list shows which), or could not be reached.';
  return 'pip says why above. Without a network nothing can be fetched; complete files stay in the download folder for the next try.';
}

/** Python reads zip files of any size, and is there for pip anyway. */
const UNZIP = `
import fnmatch, os, sys, zipfile
wheel, target, *patterns = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for member in archive.infolist():
        if member.is_dir() or not any(fnmatch.fnmatchcase(member.filename, pattern) for pattern in patterns):
            continue
        path = os.path.join(target, *[part for part in member.filename.split("/") if part not in ("", ".", "..")])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(member) as source, open(path, "wb") as file:
            while block := source.read(1 << 20):
                file.write(block)
        if member.external_attr >> 16 & 0o111:
            os.chmod(path, 0o755)
`;

/**
 * Unpacks the files of a wheel that match a pattern; Python verifies their checksums.
 *
 * @param patterns as for Python's fnmatch: `*` matches slashes too
 * @throws BackendError if it is not a complete zip file, or the disk is full; AbortError
 */
export async function unpackWheel(wheel: string, target: string, patterns: string[], signal?: AbortSignal): Promise<void> {
  const { code, errors } = await runPython(['-c', UNZIP, wheel, target, ...patterns], { output: 'kept', signal });
  if (code === 0) return;
  const why = /Errno 28/.test(errors)
    ? 'the disk is full. Free some space, or name another folder with PORTCULLIS_CACHE, then try again'
    : `${errors.trim().split('\n').at(-1)}. Remove the file and try again`;
  throw new BackendError(`${wheel} could not be unpacked: ${why}.`);
}
