import type { BackendKind } from '../backend.ts';
import { findTensorFlow } from './tensorflow.ts';

/** TensorFlow on an NVIDIA GPU. */
export const cuda: BackendKind<'cuda'> = {
  name: 'cuda',
  perThread: false,
  readsSynchronously: true,
  descriptionPattern: /^tfjs-node .*, cuda$/,
  advice: 'pnpm backend install --gpu gets it, 3.4 GB, for Linux on x64 with an NVIDIA driver',
  // The library with CUDA works on processors too.
  probe: ({ installations }) =>
    findTensorFlow(
      'cuda',
      installations.filter(({ kind }) => kind === 'gpu'),
      true,
    ),
};
