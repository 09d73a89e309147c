import type { BackendKind } from '../backend.ts';
import { findTensorFlow, useTensorFlowInThread } from './tensorflow.ts';

/** TensorFlow on the processor. Two threads that have a part of a batch each are nearly twice as fast as two that share each operation. */
export const native: BackendKind<'native'> = {
  name: 'native',
  perThread: true,
  readsSynchronously: true,
  descriptionPattern: /^tfjs-node .*, cpu$/,
  advice: 'pnpm backend install gets it, 274 MB',
  probe: ({ installations }) => findTensorFlow('native', installations, false),
  useInThread: useTensorFlowInThread,
};
