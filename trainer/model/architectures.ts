import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { type Shape, strided } from './architecture.ts';
import type { Convolution } from './convolutions.ts';

/** A convolution of 3x3 that keeps the side. */
const kept = (filters: number): Convolution => ({ filters, kernel: 3, stride: 1 });

/** Each halving is followed by a convolution that keeps the side: about twice the multiply-adds of `strided-28`. */
const deep = [...strided(16), kept(32), ...strided(64), kept(64)];

/**
 * The architectures by name. `deep-N` is for accuracy, `small-N` for speed; N is the side of the images that they were made for, and any
 * that can be halved as often will do. A worker with any of them can be deployed (10 MiB gzip).
 *
 * `paper-28` has the layers of the paper: convolution, max-pooling and dense; dense, upsampling and convolution. Their sizes are those of
 * `strided-28`.
 */
export const architectures = {
  'small-28': { encoder: strided(16, 32), decoder: strided(16, 32), dense: 128 },
  'strided-28': { encoder: strided(32, 64), decoder: strided(32, 64), dense: 128 },
  'deep-28': { encoder: deep, decoder: strided(32, 64), dense: 128 },
  'paper-28': {
    encoder: [kept(32), { layer: 'MaxPooling2D', size: 2 }, kept(64), { layer: 'MaxPooling2D', size: 2 }],
    decoder: [kept(32), { layer: 'UpSampling2D', size: 2 }, kept(64), { layer: 'UpSampling2D', size: 2 }],
    dense: 128,
  },
  'strided-32': { encoder: strided(32, 64), decoder: strided(32, 64), dense: 128 },
  'deep-32': { encoder: deep, decoder: strided(32, 64), dense: 128 },
  'strided-64': { encoder: strided(16, 32, 64), decoder: strided(16, 32, 64), dense: 128 },
  'strided-128': { encoder: strided(16, 32, 64, 64), decoder: strided(16, 32, 64, 32), dense: 128 },
} satisfies Record<string, Shape>;

export type ArchitectureName = keyof typeof architectures;

/** Returns an architecture that halves images until 8 or less is left of each side; channels double from `first` up to four times that. */
export function stridedFor({ height, width }: Screening['input'], first: number): Shape {
  const halvings = Math.max(1, Math.ceil(Math.log2(Math.max(height, width) / 8)));
  const convolutions = strided(...Array.from({ length: halvings }, (_, i) => first * Math.min(4, 2 ** i)));
  return { encoder: convolutions, decoder: convolutions, dense: 128 };
}
