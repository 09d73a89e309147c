import { basename } from 'node:path';
import { bytesOf, readRecord } from '../trainer/backend/cache.ts';
import { type CudaProvider, missingLibraries } from '../trainer/backend/install/cuda-provider.ts';
import { megabytes } from '../trainer/backend/install/install.ts';
import type { Probed } from '../trainer/backend/probe.ts';
import type { Installation } from '../trainer/backend/tensorflow/installations.ts';

/** As JSON. */
export function shownOf(installation: Installation, probed: Probed) {
  const { directory, kind, origin } = installation;
  return { directory, kind, origin, bytes: installedBytes(installation), ...probed };
}

export function lineOf(installation: Installation, probed: Probed): string {
  const { directory, origin, kind } = installation;
  const bytes = installedBytes(installation);
  const name = origin === 'own' ? `a tfjs-node of your own in ${directory}` : `${basename(directory)} in ${directory}`;
  const device =
    kind === 'gpu'
      ? probed.fault === null && probed.gpu
        ? 'on a GPU'
        : 'no GPU that it can use, so on the processor'
      : 'on the processor';
  const state =
    probed.fault === null
      ? `TensorFlow ${probed.tensorflow} loads, ${device}; a product of 512 x 512 in ${probed.milliseconds.toFixed(1)} ms`
      : `can't be used: ${probed.fault}`;
  return `${name}${bytes ? `, ${megabytes(bytes)}` : ''}: ${state}`;
}

/** Null where it was not installed by this command. */
function installedBytes({ origin, directory }: Pick<Installation, 'origin' | 'directory'>): number | null {
  const record = origin === 'installed' ? readRecord(directory) : null;
  return record && bytesOf(record);
}

/** What `pnpm backend status` says of ONNX Runtime's CUDA provider. */
export interface ShownProvider {
  directory: string;
  bytes: number | null;
  /** Libraries that it needs and the system's loader does not find; null where that is not known. */
  missing: string[] | null;
  fault: string | null;
}

/** As JSON. */
export async function shownProvider(provider: CudaProvider): Promise<ShownProvider> {
  const { directory, fault } = provider;
  const bytes = installedBytes({ directory, origin: 'installed' });
  return { directory, bytes, missing: fault ? null : await missingLibraries(provider), fault };
}

export function providerLine({ directory, bytes, missing, fault }: ShownProvider): string {
  const state = fault
    ? `can't be used: ${fault}`
    : missing === null
      ? 'there is no ldd to ask whether its libraries are found'
      : missing.length > 0
        ? `can't be loaded here, without ${missing.map((name) => (name === DRIVER ? `${name} (NVIDIA's driver)` : name)).join(', ')}`
        : 'all libraries are found';
  return `${basename(directory)} in ${directory}${bytes ? `, ${megabytes(bytes)}` : ''}: CUDA for pnpm fallback, ${state}`;
}

const DRIVER = 'libcuda.so.1';
