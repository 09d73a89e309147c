import type { Protocol } from '../measure/protocol.ts';
import { adaptive } from './adaptive.ts';
import { attackedUnknown } from './attacked-unknown.ts';
import { blackBox } from './black-box.ts';
import { certificate } from './certificate.ts';
import { convergence } from './convergence.ts';
import { corruptions } from './corruptions.ts';
import { fid } from './fid.ts';
import { figure5 } from './figure5.ts';
import { figure2 } from './generated.ts';
import { nearest } from './nearest.ts';
import { coil, figure3, figure4, fooling, quick, table1, table2, whitebox } from './paper.ts';
import { pipeline } from './pipeline.ts';
import { transfer } from './transfer.ts';
import { unknown } from './unknown.ts';

/** By name, as `pnpm evaluate --protocol` takes them. */
export const protocols: Record<string, Protocol> = {
  ...{ quick, table1, table2, figure2, figure3, figure4, figure5, whitebox, fooling, coil, fid, corruptions, adaptive, transfer, pipeline },
  nearest,
  convergence,
  unknown,
  'attacked-unknown': attackedUnknown,
  certificate,
  'black-box': blackBox,
};
