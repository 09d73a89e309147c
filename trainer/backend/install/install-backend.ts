import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { BackendError } from '../backend.ts';
import { backendsFolder } from '../cache-folder.ts';
import { type Probed, probeTensorFlow } from '../probe.ts';
import { bindingName, findInstallations, type Installation } from '../tensorflow/installations.ts';
import { checkCompiler, compileBinding } from './compile-binding.ts';
import { type InstallOptions, installLibraries } from './install.ts';
import type { Manifest } from './manifests.ts';
import { checkPip } from './pip.ts';

export interface Installed {
  installation: Installation;
  probed: Probed & { fault: null };
}

/**
 * TensorFlow's libraries from its wheel, tfjs-node's binding compiled against them, and a first product to see that they work. What is
 * there already stays; what is asked for that can't be had is said before anything is downloaded.
 *
 * @throws BackendError; AbortError; Error with `code` (ENOSPC, EACCES)
 */
export async function installBackend(manifest: Manifest, options: InstallOptions): Promise<Installed> {
  const { folder = backendsFolder(), say, signal } = options;
  const stop = signal ? { signal } : {};
  await checkCompiler(stop);
  await checkPip(stop);
  const directory = await installLibraries(manifest, options);
  const found = () => findInstallations(folder).find((installation) => installation.directory === directory) as Installation;
  let probed = await probeTensorFlow(found(), manifest.kind === 'gpu');
  if (probed.fault !== null) {
    // One that is there and does not load was compiled for something else.
    say(`compiling tfjs-node's binding (${existsSync(found().binding) ? `the one there: ${probed.fault}` : bindingName()})`);
    await compileBinding(directory, manifest.libraries, stop);
    probed = await probeTensorFlow(found(), manifest.kind === 'gpu');
  }
  if (probed.fault !== null)
    throw new BackendError(`${basename(directory)} is installed but does not load: ${probed.fault}. ${AFTER_FAULT}`);
  return { installation: found(), probed };
}

const AFTER_FAULT =
  'TensorFlow takes a processor with AVX, and glibc 2.27 or newer. pnpm backend remove frees the space; --backend wasm runs everywhere.';
