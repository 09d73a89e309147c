import { runProgram } from '../../../node/processes/run-program.ts';
import { BackendError } from '../backend.ts';
import { NO_PYTHON, python } from './pip.ts';

/** Python reads zip files of any size, and is there for pip anyway. */
const SCRIPT = `
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
 * Unpacks those files of a wheel that match a pattern; Python checks their checksums.
 *
 * @param patterns as of Python's fnmatch: `*` matches slashes too
 * @throws BackendError where it is no whole zip file, or the disk is full; AbortError
 */
export async function unpackWheel(wheel: string, target: string, patterns: string[], signal?: AbortSignal): Promise<void> {
  const { code, errors } = await runProgram(python(), ['-c', SCRIPT, wheel, target, ...patterns], {
    output: 'kept',
    missing: new BackendError(NO_PYTHON),
    ...(signal ? { signal } : {}),
  });
  if (code === 0) return;
  const why = /Errno 28/.test(errors)
    ? 'the disk is full. Free some space, or name another folder with PORTCULLIS_CACHE, then try again'
    : `${errors.trim().split('\n').at(-1)}. Remove the file and try again`;
  throw new BackendError(`${wheel} could not be unpacked: ${why}.`);
}
