import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { type Architecture, type Convolution, strided } from './architecture.ts';

/** What an architecture is before the number of classes is known. */
export type Shape = Pick<Architecture, 'encoder' | 'decoder' | 'dense'>;

/** Each halving followed by a convolution of 3x3 that keeps the side: about twice the multiply-adds of `strided-28`. */
function deep(): Convolution[] {
  const kept = (filters: number): Convolution => ({ filters, kernel: 3, stride: 1 });
  return [...strided(16), kept(32), ...strided(64), kept(64)];
}

/**
 * The architectures by name, each small enough that a worker with it can be deployed (10 MiB gzip): `deep-N` for accuracy, `small-N` for speed, N the side of the images they were made for. Any that can
 * be halved as often will do.
 */
export const architectures = {
  'small-28': { encoder: strided(16, 32), decoder: strided(16, 32), dense: 128 },
  'strided-28': { encoder: strided(32, 64), decoder: strided(32, 64), dense: 128 },
  'deep-28': { encoder: deep(), decoder: strided(32, 64), dense: 128 },
  'strided-32': { encoder: strided(32, 64), decoder: strided(32, 64), dense: 128 },
  'deep-32': { encoder: deep(), decoder: strided(32, 64), dense: 128 },
  'strided-64': { encoder: strided(16, 32, 64), decoder: strided(16, 32, 64), dense: 128 },
  'strided-128': { encoder: strided(16, 32, 64, 64), decoder: strided(16, 32, 64, 32), dense: 128 },
} satisfies Record<string, Shape>;

export type ArchitectureName = keyof typeof architectures;

/** For images of any size: halved until 8 or less is left of each side, the channels doubled each time, up to four times the first. */
export function stridedFor({ height, width }: Screening['input'], first: number): Shape {
  const halvings = Math.max(1, Math.ceil(Math.log2(Math.max(height, width) / 8)));
  const convolutions = strided(...Array.from({ length: halvings }, (_, i) => first * Math.min(4, 2 ** i)));
  return { encoder: convolutions, decoder: convolutions, dense: 128 };
}
