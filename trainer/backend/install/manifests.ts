import { BackendError } from '../backend.ts';
import { NVIDIA_WHEELS, type Wheel } from './wheels.ts';

/** What is fetched and what of it is kept, for one kind of machine. */
export type Manifest = Fetched & ({ kind: 'cpu' | 'gpu'; tensorflow: string } | { kind: 'onnxruntime-cuda'; onnxruntime: string });

interface Fetched {
  /** Name of the folder in the cache: what is in it, for which machine. */
  name: string;
  wheels: Wheel[];
  /** Tags that pip may take, the newest first; the Python that runs pip may be of another version. */
  platforms: string[];
  /** Shell patterns of the files to unpack; `*` matches slashes too. */
  keep: string[];
  /** Those that must be there then; of TensorFlow its two, to link with. */
  libraries: string[];
  /** Of all that is unpacked, in bytes. */
  unpacked: number;
}

const VERSION = '2.21.0';

/** The headers that tfjs-node's binding includes, directly or not. */
const HEADERS = [
  ...['c_api*.h', 'tf_*.h', 'eager/c_api.h'].map((file) => `tensorflow/include/tensorflow/c/${file}`),
  ...['tensorflow/core', 'tsl'].map((folder) => `tensorflow/include/${folder}/platform/ctstring*`),
  'tensorflow/include/xla/tsl/c/tsl_status.h',
];

const LINUX = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
const MAC = ['tensorflow/libtensorflow_cc.2.dylib', 'tensorflow/libtensorflow_framework.2.dylib'];
const GPU_FILES = ['nvidia/*/lib/*.so*', 'nvidia/cuda_nvcc/bin/ptxas', 'nvidia/cuda_nvcc/nvvm/libdevice/*'];

function manifest(
  machine: string,
  kind: 'cpu' | 'gpu',
  libraries: string[],
  platforms: string[],
  wheels: Wheel[],
  unpacked: number,
): Manifest {
  const keep = [...libraries, ...HEADERS, ...(kind === 'gpu' ? GPU_FILES : [])];
  return { name: `tensorflow-${kind}-${VERSION}-${machine}`, kind, tensorflow: VERSION, wheels, platforms, keep, libraries, unpacked };
}

/** Every wheel was downloaded once by pip, which checked it against the index; these are the sums of those files. */
const MANIFESTS: Record<string, Manifest> = {
  'linux-x64-cpu': manifest(
    'linux-x64',
    'cpu',
    LINUX,
    ['manylinux_2_27_x86_64'],
    [
      {
        requirement: `tensorflow-cpu==${VERSION}`,
        sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
        bytes: 273_829_956,
      },
    ],
    854e6,
  ),
  'linux-x64-gpu': manifest(
    'linux-x64',
    'gpu',
    LINUX,
    ['manylinux_2_28_x86_64', 'manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux_2_12_x86_64'],
    [
      {
        requirement: `tensorflow==${VERSION}`,
        sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
        bytes: 572_440_367,
      },
      ...NVIDIA_WHEELS,
    ],
    5_640e6,
  ),
  // Not on PyPI as tensorflow-cpu; this one has no CUDA either.
  'linux-arm64-cpu': manifest(
    'linux-arm64',
    'cpu',
    LINUX,
    ['manylinux_2_27_aarch64'],
    [
      {
        requirement: `tensorflow==${VERSION}`,
        sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
        bytes: 281_828_020,
      },
    ],
    884e6,
  ),
  'darwin-arm64-cpu': manifest(
    'darwin-arm64',
    'cpu',
    MAC,
    ['macosx_12_0_arm64'],
    [
      {
        requirement: `tensorflow==${VERSION}`,
        sha256: '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
        bytes: 223_405_849,
      },
    ],
    742e6,
  ),
};

/** @throws BackendError where there are no wheels for this machine */
export function manifestFor(kind: 'cpu' | 'gpu', platform: string = process.platform, arch: string = process.arch): Manifest {
  const found = MANIFESTS[`${platform}-${arch}-${kind}`];
  const musl = platform === 'linux' && platform === process.platform && !hasGlibc();
  if (found && !musl) return found;
  const machine = musl ? `${platform} ${arch} with musl` : `${platform} ${arch}`;
  const allowed = Object.keys(MANIFESTS)
    .filter((key) => key.endsWith(`-${kind}`))
    .map((key) => key.slice(0, key.lastIndexOf('-')))
    .join(', ');
  throw new BackendError(
    `there is no ${kind === 'gpu' ? 'CUDA ' : ''}build of TensorFlow for ${machine}; there is for ${allowed} (Linux with glibc 2.27 or newer). Train with --backend wasm, which runs everywhere${platform === 'win32' ? ', or install under WSL' : ''}.`,
  );
}

/** Whether this Linux has glibc, for which the wheels are built; Alpine, for one, has musl. */
function hasGlibc(): boolean {
  // Names of hosts are not looked up for it.
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime !== undefined;
}
