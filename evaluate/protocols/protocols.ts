import type { Protocol } from '../protocol.ts';
import { adaptive } from './adaptive.ts';
import { fid, figure2 } from './generated.ts';
import { coil, figure3, fooling, quick, table1, table2, whitebox } from './paper.ts';

/** By name, as `pnpm evaluate --protocol` takes them. */
export const protocols: Record<string, Protocol> = { quick, table1, table2, figure2, figure3, whitebox, fooling, coil, fid, adaptive };
