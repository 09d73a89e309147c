import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageFolder } from '../../../node/installations/installation-record.ts';
import { runProgram } from '../../../node/processes/run-program.ts';
import { BackendError } from '../backend.ts';
import { bindingName, NO_TFJS_NODE } from '../installations.ts';

const compiler = () => process.env.CXX || (process.platform === 'darwin' ? 'clang++' : 'g++');

const runCompiler = (args: string[], signal: AbortSignal | undefined) =>
  runProgram(compiler(), args, {
    ...{ output: 'kept', signal },
    missing: new BackendError(
      `there is no ${compiler()}, which compiles the binding between Node and TensorFlow. Install it ` +
        '(Debian, Ubuntu: apt install g++; macOS: xcode-select --install), or name one with CXX=/path/to/g++.',
    ),
  });

/** Checks, before anything is downloaded, that compiler and sources are there. @throws BackendError if not */
export async function checkCompiler(signal?: AbortSignal): Promise<void> {
  const { code, errors } = await runCompiler(['--version'], signal);
  if (code !== 0) throw new BackendError(`${compiler()} does not run: ${errors.trim()}. CXX=/path/to/g++ names another compiler.`);
  sources();
}

/**
 * Compiles tfjs-node's own C++ sources against the TensorFlow libraries in a folder, next to them, and replaces what was there as a
 * whole. Nothing is written to node_modules.
 *
 * @param libraries TensorFlow's, in the folder, all in one subfolder
 * @throws BackendError with the compiler's messages; AbortError
 */
export async function compileBinding(directory: string, libraries: string[], signal?: AbortSignal): Promise<void> {
  const { tfjsNode, headers } = sources();
  const binding = join(directory, bindingName());
  const temporary = `${binding}.${process.pid}.tmp`;
  const mac = process.platform === 'darwin';
  const subfolder = dirname(libraries[0] as string);
  try {
    const { code, errors } = await runCompiler(
      [
        ...['-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
        ...[`-I${tfjsNode}`, `-I${join(directory, subfolder, 'include')}`, `-I${headers}`],
        ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(tfjsNode, 'binding', file)),
        ...libraries.map((library) => join(directory, library)),
        `-Wl,-rpath,${mac ? '@loader_path' : '$ORIGIN'}/${subfolder}`,
        ...(mac ? ['-undefined', 'dynamic_lookup'] : []),
        ...['-o', temporary],
      ],
      signal,
    );
    if (code !== 0) throw new BackendError(`${compiler()} could not compile tfjs-node's binding (it takes C++17):\n${errors.trim()}`);
    await rename(temporary, binding);
  } finally {
    await rm(temporary, { force: true });
  }
}

function sources(): { tfjsNode: string; headers: string } {
  const [tfjsNode, headers] = [packageFolder('@tensorflow/tfjs-node'), packageFolder('node-api-headers')];
  if (!tfjsNode) throw new BackendError(`${NO_TFJS_NODE}.`);
  if (!headers) throw new BackendError('the npm package node-api-headers is not in node_modules; pnpm install brings it.');
  return { tfjsNode, headers: join(headers, 'include') };
}
