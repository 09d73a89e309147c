import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageFolder, RECORD } from '../../node/installations/installation-record.ts';
import { cudaProviderManifest, PROVIDER_FOLDER } from '../../trainer/backend/install/manifests.ts';

/**
 * In a folder of backends, an installation of ONNX Runtime's CUDA provider that is whole by its record. Its ONNX Runtime is the real
 * one; its provider is a real library too, but not that one, and needs a libabsent.so.6 that no machine has.
 */
export async function makeCudaProvider(backends: string): Promise<string> {
  const { name, wheels, libraries, contents } = cudaProviderManifest();
  const directory = join(backends, name);
  await mkdir(join(directory, PROVIDER_FOLDER), { recursive: true });
  const npm = join(packageFolder('onnxruntime-node') as string, 'bin/napi-v6/linux/x64');
  await symlink(join(npm, 'libonnxruntime.so.1'), join(directory, PROVIDER_FOLDER, 'libonnxruntime.so.1'));
  const library = (await readFile(join(npm, 'onnxruntime_binding.node'), 'latin1')).replaceAll('libstdc++.so.6\0', 'libabsent.so.6\0');
  for (const kind of ['cuda', 'shared'])
    await writeFile(join(directory, PROVIDER_FOLDER, `libonnxruntime_providers_${kind}.so`), library, 'latin1');
  const sizes = libraries.map(async (file) => [file, (await stat(join(directory, file))).size] as const);
  const record = {
    ...{ ...contents, machine: 'linux-x64', wheels, libraries },
    files: Object.fromEntries(await Promise.all(sizes)),
  };
  await writeFile(join(directory, RECORD), JSON.stringify(record));
  return directory;
}
