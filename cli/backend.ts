import { join } from 'node:path';
import { acquireLock } from '../node/files/lock.ts';
import { BackendError } from '../trainer/backend/backend.ts';
import { chooseBackend } from '../trainer/backend/backends.ts';
import { backendsFolder } from '../trainer/backend/cache-folder.ts';
import { findCudaProviders } from '../trainer/backend/install/cuda-provider.ts';
import { cudaProviderManifest } from '../trainer/backend/install/cuda-provider-manifest.ts';
import type { InstallOptions } from '../trainer/backend/install/install.ts';
import { installBackend } from '../trainer/backend/install/install-backend.ts';
import { installCudaProvider } from '../trainer/backend/install/install-cuda-provider.ts';
import { type Manifest, manifestFor } from '../trainer/backend/install/manifests.ts';
import { removeBackends, removeIfEmpty } from '../trainer/backend/install/remove-backends.ts';
import { type Probed, probeTensorFlow } from '../trainer/backend/probe.ts';
import { findInstallations } from '../trainer/backend/tensorflow/installations.ts';
import { lineOf, providerLine, type ShownProvider, shownOf, shownProvider } from './describe-backend.ts';
import { duration } from './progress.ts';
import { command, runCommand } from './run-command.ts';

const program = command(
  'backend',
  'Install, show or remove the native backend of the trainer: TensorFlow, kept in a cache outside of node_modules.',
  '  pnpm backend install          274 MB by pip, a binding compiled by g++\n  pnpm backend install --gpu    with CUDA, 3.4 GB, and CUDA for pnpm fallback, 1.6 GB\n  pnpm backend status           what is there, and what pnpm train would take\n  pnpm backend remove',
);

program
  .command('install')
  .description('Fetch TensorFlow with pip, compile the binding with g++, and try both. Goes on where an earlier one was stopped.')
  .option('--gpu', 'with CUDA, for NVIDIA cards, and the CUDA provider of pnpm fallback (Linux on x64)')
  .option('--json', 'print the result as JSON on standard output, progress on standard error')
  .action(async ({ gpu, json }: { gpu?: boolean; json?: boolean }) => {
    const manifest = manifestFor(gpu ? 'gpu' : 'cpu');
    const stream = json ? process.stderr : process.stdout;
    const say = (line: string) => void stream.write(`${line}\n`);
    const forFallback = gpu ? providerManifest(say) : null;
    const interrupt = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
    const started = performance.now();
    const unlock = await lock();
    try {
      const options: InstallOptions = { signal: interrupt.signal, output: json ? 'stderr' : 'stdout', say };
      const { installation, probed } = await installBackend(manifest, options);
      const provider = forFallback && (await shownProvider(await installCudaProvider(forFallback, options)));
      const { name, why } = await chooseBackend('auto');
      say(lineOf(installation, probed));
      if (provider) say(providerLine(provider));
      say(`installed in ${duration((performance.now() - started) / 1000)}; pnpm train takes ${name} (${why})`);
      if (json) console.log(JSON.stringify({ ...shownOf(installation, probed), ...(gpu ? { cudaProvider: provider } : {}) }));
    } catch (error) {
      if (!interrupt.signal.aborted) throw error;
      say('stopped; pnpm backend install goes on with the files that are whole');
      process.exitCode = 130;
    } finally {
      await unlock();
    }
  });

program
  .command('status')
  .description('What is installed, whether it loads, and which backend pnpm train takes by itself.')
  .option('--json', 'print it as JSON')
  .action(async ({ json }: { json?: boolean }) => {
    const installations = findInstallations();
    const probes: Probed[] = [];
    for (const installation of installations) probes.push(await probeTensorFlow(installation, installation.kind === 'gpu'));
    const { name, why } = await chooseBackend('auto', installations);
    const shown = installations.map((installation, i) => shownOf(installation, probes[i] as Probed));
    const providers: ShownProvider[] = [];
    for (const provider of findCudaProviders()) providers.push(await shownProvider(provider));
    if (json)
      return console.log(JSON.stringify({ folder: backendsFolder(), installations: shown, cudaProviders: providers, auto: { name, why } }));
    console.log(`folder: ${backendsFolder()}`);
    if (shown.length === 0) console.log('installed: nothing (pnpm backend install)');
    installations.forEach((installation, i) => {
      console.log(lineOf(installation, probes[i] as Probed));
    });
    for (const provider of providers) console.log(providerLine(provider));
    console.log(`pnpm train takes ${name} (${why})`);
  });

program
  .command('remove')
  .description('Remove what pnpm backend install made, on this machine, and nothing else.')
  .option('--json', 'print the folders as JSON')
  .action(async ({ json }: { json?: boolean }) => {
    const unlock = await lock();
    const removed = await removeBackends().finally(unlock);
    await removeIfEmpty();
    if (json) console.log(JSON.stringify({ removed }));
    else console.log(removed.length > 0 ? `removed ${removed.join(', ')}` : 'there was nothing to remove');
  });

await runCommand(program);

/** What pnpm fallback needs for CUDA. Where there is none for this machine that is said, and is no error. */
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
