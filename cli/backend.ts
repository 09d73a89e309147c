import { basename, join } from 'node:path';
import { acquireLock } from '../node/files/lock.ts';
import { type CudaProvider, findCudaProviders, missingLibraries } from '../node/installations/cuda-provider.ts';
import { backendsFolder, bytesOf, readRecord } from '../node/installations/installation-record.ts';
import { BackendError } from '../trainer/backend/backend.ts';
import { chooseBackend } from '../trainer/backend/backends.ts';
import {
  type InstallOptions,
  installCudaProvider,
  installTensorFlow,
  megabytes,
  removeBackends,
  removeIfEmpty,
} from '../trainer/backend/install/install.ts';
import { cudaProviderManifest, type Manifest, manifestFor } from '../trainer/backend/install/manifests.ts';
import { findInstallations, type Installation } from '../trainer/backend/installations.ts';
import { probeTensorFlow, type TensorFlowProbed } from '../trainer/backend/tensorflow/tensorflow.ts';
import { duration } from './progress.ts';
import { command, interruptible, interruptSignal, printResult, runCommand } from './run-command.ts';

const program = command(
  'backend',
  'Install, show or remove the native backend of the trainer: TensorFlow, kept in a cache outside node_modules.',
  `  pnpm backend install          274 MB by pip, a binding compiled by g++
  pnpm backend install --gpu    with CUDA, 3.4 GB, and CUDA for pnpm fallback, 1.6 GB
  pnpm backend status           what is installed, and what pnpm train would take
  pnpm backend remove`,
);

program
  .command('install')
  .description('Fetch TensorFlow with pip, compile the binding with g++, and try both. Goes on where an earlier install was stopped.')
  .option('--gpu', 'with CUDA, for NVIDIA cards, and the CUDA provider of pnpm fallback (Linux on x64)')
  .option('--json', 'print the result as JSON on standard output, progress on standard error')
  .action(async ({ gpu, json }: { gpu?: boolean; json?: boolean }) => {
    const manifest = manifestFor(gpu ? 'gpu' : 'cpu');
    const stream = json ? process.stderr : process.stdout;
    const say = (line: string) => void stream.write(`${line}\n`);
    const forFallback = gpu ? providerManifest(say) : null;
    const signal = interruptSignal();
    const started = performance.now();
    const unlock = await lock();
    const install = async () => {
      const options: InstallOptions = { signal, output: json ? 'stderr' : 'stdout', say };
      const { installation, probed } = await installTensorFlow(manifest, options);
      const provider = forFallback && (await shownProvider(await installCudaProvider(forFallback, options)));
      const { name, why } = await chooseBackend('auto');
      say(lineOf(installation, probed));
      if (provider) say(providerLine(provider));
      say(`installed in ${duration((performance.now() - started) / 1000)}; pnpm train takes ${name} (${why})`);
      if (json) console.log(JSON.stringify({ ...shown(installation, probed), ...(gpu ? { cudaProvider: provider } : {}) }));
    };
    const message = 'stopped; pnpm backend install resumes with the files that are complete';
    await interruptible(signal, install(), message, say).finally(unlock);
  });

program
  .command('status')
  .description('Show what is installed, whether it loads, and which backend pnpm train selects automatically.')
  .option('--json', 'print it as JSON')
  .action(async ({ json }: { json?: boolean }) => {
    const installations = findInstallations();
    const probed: { installation: Installation; probed: TensorFlowProbed }[] = [];
    for (const installation of installations)
      probed.push({ installation, probed: await probeTensorFlow(installation, installation.kind === 'gpu') });
    const { name, why } = await chooseBackend('auto', installations);
    const cudaProviders: ShownProvider[] = [];
    for (const provider of findCudaProviders()) cudaProviders.push(await shownProvider(provider));
    const folder = backendsFolder();
    const lines = [
      `folder: ${folder}`,
      ...(probed.length === 0 ? ['installed: nothing (pnpm backend install)'] : []),
      ...probed.map(({ installation, probed }) => lineOf(installation, probed)),
      ...cudaProviders.map(providerLine),
      `pnpm train takes ${name} (${why})`,
    ];
    const shownInstallations = probed.map(({ installation, probed }) => shown(installation, probed));
    printResult(json, { folder, installations: shownInstallations, cudaProviders, auto: { name, why } }, lines.join('\n'));
  });

program
  .command('remove')
  .description('Remove what pnpm backend install has made on this machine, and nothing else.')
  .option('--json', 'print the folders as JSON')
  .action(async ({ json }: { json?: boolean }) => {
    const unlock = await lock();
    const removed = await removeBackends().finally(unlock);
    await removeIfEmpty();
    printResult(json, { removed }, removed.length > 0 ? `removed ${removed.join(', ')}` : 'there was nothing to remove');
  });

await runCommand(program);

/** Returns what pnpm fallback needs for CUDA. If there is none for this machine, it says so; that is no error. */
function providerManifest(say: InstallOptions['say']): Manifest | null {
  try {
    return cudaProviderManifest();
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    say(error.message);
    return null;
  }
}

function lock(): Promise<() => Promise<void>> {
  return acquireLock('pnpm backend install or remove', join(backendsFolder(), '.lock'));
}

function shown(installation: Installation, probed: TensorFlowProbed) {
  const { directory, kind, origin } = installation;
  return { directory, kind, origin, bytes: origin === 'installed' ? bytesIn(directory) : null, ...probed };
}

function lineOf(installation: Installation, probed: TensorFlowProbed): string {
  const { directory, origin, kind, bytes } = shown(installation, probed);
  const name = origin === 'own' ? `a tfjs-node of your own in ${directory}` : `${basename(directory)} in ${directory}`;
  const size = bytes ? `, ${megabytes(bytes)}` : '';
  if (probed.fault !== null) return `${name}${size}: can't be used: ${probed.fault}`;
  const processor = kind === 'gpu' ? 'no GPU that it can use, so on the processor' : 'on the processor';
  const { tensorflow, gpu, milliseconds } = probed;
  const device = gpu ? 'on a GPU' : processor;
  return `${name}${size}: TensorFlow ${tensorflow} loads, ${device}; a product of 512 x 512 in ${milliseconds.toFixed(1)} ms`;
}

function bytesIn(directory: string): number | null {
  const record = readRecord(directory);
  return record && bytesOf(record);
}

/** `pnpm backend status` on ONNX Runtime's CUDA provider. */
interface ShownProvider {
  directory: string;
  bytes: number | null;
  /** Libraries that it needs and the system's loader does not find; null if that is not known. */
  missing: string[] | null;
  fault: string | null;
}

async function shownProvider(provider: CudaProvider): Promise<ShownProvider> {
  const { directory, fault } = provider;
  return { directory, bytes: bytesIn(directory), missing: fault ? null : await missingLibraries(provider), fault };
}

function providerLine({ directory, bytes, missing, fault }: ShownProvider): string {
  const absent = missing?.map((name) => (name === 'libcuda.so.1' ? `${name} (NVIDIA's driver)` : name)).join(', ');
  const unknown = missing === null ? 'there is no ldd to ask whether its libraries are found' : 'all libraries are found';
  const state = fault ? `can't be used: ${fault}` : absent ? `can't be loaded here, without ${absent}` : unknown;
  return `${basename(directory)} in ${directory}${bytes ? `, ${megabytes(bytes)}` : ''}: CUDA for pnpm fallback, ${state}`;
}
