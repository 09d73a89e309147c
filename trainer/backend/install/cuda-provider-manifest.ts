import { BackendError } from '../backend.ts';
import { packageVersion } from '../package-folder.ts';
import { cudaProviderName } from './cuda-provider.ts';
import type { Manifest } from './manifests.ts';

const VERSION = '1.30.0';

/** Where the provider lies in its wheel; npm's libonnxruntime.so.1 is put beside it, as that looks there only. */
export const BESIDE = 'onnxruntime/capi';

/**
 * ONNX Runtime's CUDA provider, from the wheel of the commit that the npm package is built from, and what its own metadata asks for
 * (extras `cuda` and `cudnn`, with what those need in turn): CUDA 13, where TensorFlow takes 12. Every wheel was downloaded once by
 * pip, which checked it against the index; these are the sums of those files.
 *
 * @throws BackendError where there is none for this machine, or for the version of onnxruntime-node that is there
 */
export function cudaProviderManifest(
  machine = `${process.platform}-${process.arch}`,
  onnxruntimeNode = packageVersion('onnxruntime-node'),
): Manifest {
  if (machine !== 'linux-x64')
    throw new BackendError(`there is no CUDA provider of ONNX Runtime for ${machine}, only for linux-x64; pnpm fallback goes on without.`);
  if (onnxruntimeNode !== VERSION)
    throw new BackendError(
      `onnxruntime-node is ${onnxruntimeNode}, and the CUDA provider that is known here is of ${VERSION}; pnpm fallback goes on without.`,
    );
  return {
    ...{ name: cudaProviderName(VERSION), kind: 'onnxruntime-cuda', onnxruntime: VERSION },
    wheels: [
      {
        requirement: `onnxruntime-gpu==${VERSION}`,
        sha256: '4fbf0c5d7b5fb99266c2e8a802e3e64af68bdc383e0f3c7349b985f1087eedaa',
        bytes: 246_658_419,
      },
      {
        requirement: 'nvidia-cublas==13.10.0.20',
        sha256: 'dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84',
        bytes: 444_289_903,
      },
      {
        requirement: 'nvidia-cuda-nvrtc==13.5.37',
        sha256: '86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc',
        bytes: 58_185_930,
      },
      {
        requirement: 'nvidia-cuda-runtime==13.5.37',
        sha256: 'df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d',
        bytes: 2_504_024,
      },
      {
        requirement: 'nvidia-cudnn-cu13==9.28.1.4',
        sha256: 'a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec',
        bytes: 516_817_937,
      },
      {
        requirement: 'nvidia-cufft==12.5.0.14',
        sha256: 'b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad',
        bytes: 165_072_555,
      },
      {
        requirement: 'nvidia-curand==10.4.5.25',
        sha256: '22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529',
        bytes: 77_113_015,
      },
      {
        requirement: 'nvidia-nvjitlink==13.5.37',
        sha256: '280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb',
        bytes: 46_642_491,
      },
    ],
    platforms: ['2_28', '2_27', '2_17', '2_12', '2_5'].map((glibc) => `manylinux_${glibc}_x86_64`),
    keep: [`${BESIDE}/libonnxruntime_providers_cuda.so`, `${BESIDE}/libonnxruntime_providers_shared.so`, 'nvidia/*/lib/*.so.*'],
    libraries: ['libonnxruntime.so.1', 'libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'].map(
      (file) => `${BESIDE}/${file}`,
    ),
    unpacked: 2_480e6,
  };
}
