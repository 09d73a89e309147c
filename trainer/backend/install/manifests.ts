import { CUDA_PROVIDER_PREFIX } from '../../../node/installations/cuda-provider.ts';
import { MACHINE, packageVersion } from '../../../node/installations/installation-record.ts';
import { BackendError } from '../backend.ts';
import wheels from './wheels.json' with { type: 'json' };

/** The files to fetch, and those of their contents to keep, for one kind of machine. */
export interface Manifest {
  /** Name of the folder in the cache: its contents and its machine. */
  name: string;
  contents: { kind: 'cpu' | 'gpu'; tensorflow: string } | { kind: 'onnxruntime-cuda'; onnxruntime: string };
  /** Files of the Python package index, by version (as pip writes it), content, and size of the download. */
  wheels: { requirement: string; sha256: string; bytes: number }[];
  /** Tags that pip may take, the newest first; the Python that runs pip may be of another version. */
  platforms: string[];
  /** Shell patterns of the files to unpack; `*` matches slashes too. */
  keep: string[];
  /** Files that must be there afterwards; for TensorFlow its two, to link with. */
  libraries: string[];
  /** Bytes of everything that is unpacked. */
  unpacked: number;
}

/**
 * Returns the wheels for one kind of machine, listed in wheels.json by requirement, SHA-256 and bytes. Each was downloaded once by pip,
 * which checked it against the index; the sum is that file's.
 */
const wheelsOf = (key: keyof typeof wheels): Manifest['wheels'] =>
  (wheels[key] as [string, string, number][]).map(([requirement, sha256, bytes]) => ({ requirement, sha256, bytes }));

const TENSORFLOW = '2.21.0';

/** The headers that tfjs-node's binding includes, directly or not. */
const HEADERS = [
  ...['c_api*.h', 'tf_*.h', 'eager/c_api.h'].map((file) => `tensorflow/include/tensorflow/c/${file}`),
  ...['tensorflow/core', 'tsl'].map((folder) => `tensorflow/include/${folder}/platform/ctstring*`),
  'tensorflow/include/xla/tsl/c/tsl_status.h',
];

const LINUX = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
const MAC = ['tensorflow/libtensorflow_cc.2.dylib', 'tensorflow/libtensorflow_framework.2.dylib'];

type TensorFlowKey = Exclude<keyof typeof wheels, 'onnxruntime-cuda'>;

/** A build of TensorFlow; `more` files are kept besides its libraries and headers. */
type TensorFlowBuild = Pick<Manifest, 'libraries' | 'platforms' | 'unpacked'> & { more?: string[] };

/** The builds of TensorFlow, by platform, architecture and kind. */
const BUILDS: Record<TensorFlowKey, TensorFlowBuild> = {
  'linux-x64-cpu': { libraries: LINUX, platforms: ['manylinux_2_27_x86_64'], unpacked: 854e6 },
  // With the CUDA 12 libraries that its own metadata asks for (extra `and-cuda`), 2.8 GB. It looks for them in its own folder.
  'linux-x64-gpu': {
    libraries: LINUX,
    platforms: ['2_28', '2_27', '2_17', '2_12'].map((glibc) => `manylinux_${glibc}_x86_64`),
    unpacked: 5_640e6,
    more: ['nvidia/*/lib/*.so*', 'nvidia/cuda_nvcc/bin/ptxas', 'nvidia/cuda_nvcc/nvvm/libdevice/*'],
  },
  // PyPI has no tensorflow-cpu for it; this one has no CUDA either.
  'linux-arm64-cpu': { libraries: LINUX, platforms: ['manylinux_2_27_aarch64'], unpacked: 884e6 },
  'darwin-arm64-cpu': { libraries: MAC, platforms: ['macosx_12_0_arm64'], unpacked: 742e6 },
};

/** Returns what TensorFlow needs on this machine. @throws BackendError if there are no wheels for it */
export function manifestFor(kind: 'cpu' | 'gpu', platform: string = process.platform, arch: string = process.arch): Manifest {
  const key = `${platform}-${arch}-${kind}` as TensorFlowKey;
  const build: TensorFlowBuild | undefined = BUILDS[key];
  const musl = platform === 'linux' && platform === process.platform && !hasGlibc();
  if (build && !musl) {
    const { libraries, platforms, unpacked, more = [] } = build;
    return {
      ...{ name: `tensorflow-${kind}-${TENSORFLOW}-${platform}-${arch}`, contents: { kind, tensorflow: TENSORFLOW } },
      ...{ wheels: wheelsOf(key), platforms, keep: [...libraries, ...HEADERS, ...more], libraries, unpacked },
    };
  }
  const machine = musl ? `${platform} ${arch} with musl` : `${platform} ${arch}`;
  const machines = Object.keys(BUILDS).filter((key) => key.endsWith(`-${kind}`));
  const allowed = machines.map((key) => key.slice(0, key.lastIndexOf('-'))).join(', ');
  const wsl = platform === 'win32' ? ', or install under WSL' : '';
  throw new BackendError(
    `there is no ${kind === 'gpu' ? 'CUDA ' : ''}build of TensorFlow for ${machine}; there is for ${allowed} ` +
      `(Linux with glibc 2.27 or newer). Train with --backend wasm, which runs everywhere${wsl}.`,
  );
}

/** Says whether this Linux has glibc, for which the wheels are built; Alpine, for one, has musl. */
function hasGlibc(): boolean {
  // Keeps the report from looking up the names of hosts.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}

const ONNXRUNTIME = '1.30.0';

/** The CUDA provider's folder in its wheel. npm's libonnxruntime.so.1 is copied into it, because it looks for providers there only. */
export const PROVIDER_FOLDER = 'onnxruntime/capi';

/**
 * Returns what ONNX Runtime needs for CUDA on this machine.
 *
 * @throws BackendError if there is no provider for this machine, or for the version of onnxruntime-node that is there
 */
export function cudaProviderManifest(machine = MACHINE, onnxruntimeNode = packageVersion('onnxruntime-node')): Manifest {
  if (machine !== 'linux-x64')
    throw new BackendError(`there is no CUDA provider of ONNX Runtime for ${machine}, only for linux-x64; pnpm fallback works without it.`);
  if (onnxruntimeNode !== ONNXRUNTIME)
    throw new BackendError(
      `the CUDA provider known here is for onnxruntime-node ${ONNXRUNTIME}, not ${onnxruntimeNode}; pnpm fallback works without it.`,
    );
  const providers = ['cuda', 'shared'].map((kind) => `${PROVIDER_FOLDER}/libonnxruntime_providers_${kind}.so`);
  return {
    ...{ name: `${CUDA_PROVIDER_PREFIX}${ONNXRUNTIME}-${machine}`, contents: { kind: 'onnxruntime-cuda', onnxruntime: ONNXRUNTIME } },
    // The wheel of the commit that the npm package is built from, and what its metadata asks for (`cuda`, `cudnn`): CUDA 13.
    wheels: wheelsOf('onnxruntime-cuda'),
    platforms: ['2_28', '2_27', '2_17', '2_12', '2_5'].map((glibc) => `manylinux_${glibc}_x86_64`),
    keep: [...providers, 'nvidia/*/lib/*.so.*'],
    libraries: [`${PROVIDER_FOLDER}/libonnxruntime.so.1`, ...providers],
    unpacked: 2_480e6,
  };
}
