import { BackendError } from '../backend.ts';
import { MACHINE, packageVersion } from '../installations.ts';

/** A file of the Python package index, by version (as pip writes it) and content. */
interface Wheel {
  requirement: string;
  sha256: string;
  /** Size of the download. */
  bytes: number;
}

interface Fetched {
  /** Name of the folder in the cache: its contents and its machine. */
  name: string;
  wheels: Wheel[];
  /** Tags that pip may take, the newest first; the Python that runs pip may be of another version. */
  platforms: string[];
  /** Shell patterns of the files to unpack; `*` matches slashes too. */
  keep: string[];
  /** Files that must be there afterwards; for TensorFlow its two, to link with. */
  libraries: string[];
  /** Bytes of everything that is unpacked. */
  unpacked: number;
}

/** The files to fetch, and those of their contents to keep, for one kind of machine. */
export type Manifest = Fetched & ({ kind: 'cpu' | 'gpu'; tensorflow: string } | { kind: 'onnxruntime-cuda'; onnxruntime: string });

/** Requirement, SHA-256 and bytes. Each wheel was downloaded once by pip, which checked it against the index; the sum is that file's. */
type WheelRow = [requirement: string, sha256: string, bytes: number];

const wheelsOf = (rows: WheelRow[]): Wheel[] => rows.map(([requirement, sha256, bytes]) => ({ requirement, sha256, bytes }));

const TENSORFLOW = '2.21.0';

/** The headers that tfjs-node's binding includes, directly or not. */
const HEADERS = [
  ...['c_api*.h', 'tf_*.h', 'eager/c_api.h'].map((file) => `tensorflow/include/tensorflow/c/${file}`),
  ...['tensorflow/core', 'tsl'].map((folder) => `tensorflow/include/${folder}/platform/ctstring*`),
  'tensorflow/include/xla/tsl/c/tsl_status.h',
];

const LINUX = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
const MAC = ['tensorflow/libtensorflow_cc.2.dylib', 'tensorflow/libtensorflow_framework.2.dylib'];

/** The CUDA 12 libraries that TensorFlow 2.21's own metadata asks for (extra `and-cuda`), 2.8 GB. It finds them beside itself. */
const CUDA_12: WheelRow[] = [
  ['nvidia-cublas-cu12==12.9.3.13', 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72', 581_217_458],
  ['nvidia-cuda-cupti-cu12==12.8.90', 'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182', 10_248_621],
  ['nvidia-cuda-nvcc-cu12==12.9.86', '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0', 40_546_229],
  ['nvidia-cuda-nvrtc-cu12==12.9.86', '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4', 89_568_129],
  ['nvidia-cuda-runtime-cu12==12.9.79', '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3', 3_493_179],
  ['nvidia-cudnn-cu12==9.28.0.42', '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375', 716_538_495],
  ['nvidia-cufft-cu12==11.4.1.4', 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28', 200_877_592],
  ['nvidia-curand-cu12==10.3.10.19', '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e', 68_295_626],
  ['nvidia-cusolver-cu12==11.7.5.82', '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88', 338_117_415],
  ['nvidia-cusparse-cu12==12.5.10.65', '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78', 366_465_088],
  ['nvidia-nccl-cu12==2.32.3', 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c', 351_526_311],
  ['nvidia-nvjitlink-cu12==12.9.86', 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9', 39_748_338],
];

interface TensorFlowBuild {
  libraries: string[];
  platforms: string[];
  wheels: WheelRow[];
  unpacked: number;
  more?: string[];
}

/** The builds of TensorFlow, by platform, architecture and kind. */
const BUILDS: Record<string, TensorFlowBuild> = {
  'linux-x64-cpu': {
    libraries: LINUX,
    platforms: ['manylinux_2_27_x86_64'],
    wheels: [['tensorflow-cpu==2.21.0', '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c', 273_829_956]],
    unpacked: 854e6,
  },
  'linux-x64-gpu': {
    libraries: LINUX,
    platforms: ['2_28', '2_27', '2_17', '2_12'].map((glibc) => `manylinux_${glibc}_x86_64`),
    wheels: [['tensorflow==2.21.0', '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124', 572_440_367], ...CUDA_12],
    unpacked: 5_640e6,
    more: ['nvidia/*/lib/*.so*', 'nvidia/cuda_nvcc/bin/ptxas', 'nvidia/cuda_nvcc/nvvm/libdevice/*'],
  },
  // PyPI has no tensorflow-cpu for it; this one has no CUDA either.
  'linux-arm64-cpu': {
    libraries: LINUX,
    platforms: ['manylinux_2_27_aarch64'],
    wheels: [['tensorflow==2.21.0', '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c', 281_828_020]],
    unpacked: 884e6,
  },
  'darwin-arm64-cpu': {
    libraries: MAC,
    platforms: ['macosx_12_0_arm64'],
    wheels: [['tensorflow==2.21.0', '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88', 223_405_849]],
    unpacked: 742e6,
  },
};

/** Returns what TensorFlow needs on this machine. @throws BackendError if there are no wheels for it */
export function manifestFor(kind: 'cpu' | 'gpu', platform: string = process.platform, arch: string = process.arch): Manifest {
  const build = BUILDS[`${platform}-${arch}-${kind}`];
  const musl = platform === 'linux' && platform === process.platform && !hasGlibc();
  if (build && !musl) {
    const { libraries, platforms, wheels, unpacked, more = [] } = build;
    return {
      ...{ name: `tensorflow-${kind}-${TENSORFLOW}-${platform}-${arch}`, kind, tensorflow: TENSORFLOW },
      ...{ wheels: wheelsOf(wheels), platforms, keep: [...libraries, ...HEADERS, ...more], libraries, unpacked },
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
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime !== undefined;
}

const ONNXRUNTIME = '1.30.0';

/** The beginning of the provider's folder names in the cache; the version of onnxruntime-node and the machine follow. */
export const CUDA_PROVIDER_PREFIX = 'onnxruntime-cuda-';

/** The CUDA provider's folder in its wheel. npm's libonnxruntime.so.1 is copied into it, because it looks for providers there only. */
export const BESIDE = 'onnxruntime/capi';

/** The wheel of the commit that the npm package is built from, and what its metadata asks for (`cuda`, `cudnn`): CUDA 13. */
const CUDA_PROVIDER: WheelRow[] = [
  ['onnxruntime-gpu==1.30.0', '4fbf0c5d7b5fb99266c2e8a802e3e64af68bdc383e0f3c7349b985f1087eedaa', 246_658_419],
  ['nvidia-cublas==13.10.0.20', 'dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84', 444_289_903],
  ['nvidia-cuda-nvrtc==13.5.37', '86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc', 58_185_930],
  ['nvidia-cuda-runtime==13.5.37', 'df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d', 2_504_024],
  ['nvidia-cudnn-cu13==9.28.1.4', 'a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec', 516_817_937],
  ['nvidia-cufft==12.5.0.14', 'b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad', 165_072_555],
  ['nvidia-curand==10.4.5.25', '22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529', 77_113_015],
  ['nvidia-nvjitlink==13.5.37', '280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb', 46_642_491],
];

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
  const providers = ['cuda', 'shared'].map((kind) => `${BESIDE}/libonnxruntime_providers_${kind}.so`);
  return {
    ...{
      name: `${CUDA_PROVIDER_PREFIX}${ONNXRUNTIME}-${machine}`,
      kind: 'onnxruntime-cuda',
      onnxruntime: ONNXRUNTIME,
      wheels: wheelsOf(CUDA_PROVIDER),
    },
    platforms: ['2_28', '2_27', '2_17', '2_12', '2_5'].map((glibc) => `manylinux_${glibc}_x86_64`),
    keep: [...providers, 'nvidia/*/lib/*.so.*'],
    libraries: [`${BESIDE}/libonnxruntime.so.1`, ...providers],
    unpacked: 2_480e6,
  };
}
