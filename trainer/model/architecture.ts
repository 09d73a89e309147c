import { z } from 'zod';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { LARGEST_SIDE } from '../data/dataset.ts';

const convolutionSchema = z.strictObject({
  /** Channels that it gives. */
  filters: z.int().positive(),
  /** Side of its square kernel. */
  kernel: z.int().min(1).max(9),
  stride: z.union([z.literal(1), z.literal(2)]),
});

export type Convolution = z.infer<typeof convolutionSchema>;

/** Encoder and decoder, as data: what `--architecture FILE.json` holds. */
export const architectureSchema = z.strictObject({
  /** The encoder's convolutions from the image on, 'same' padding, ReLU after each. */
  encoder: z.array(convolutionSchema).min(1),
  /** Written as the encoder's are, and applied backwards, transposed: the last of the list is the first that the latent meets. */
  decoder: z.array(convolutionSchema).min(1),
  /** Units of the dense layer between convolutions and latent, on both sides. */
  dense: z.int().positive(),
  latentDim: z.int().min(2),
  /** `constant`: noise of one size on the latent (Eq. 7). `variable`: the encoder gives each image's own (an ordinary VAE posterior). */
  entropy: z.enum(['constant', 'variable']).default('constant'),
});

export type Architecture = z.infer<typeof architectureSchema>;

/** Convolutions of 4x4 with stride 2, each halving the side. */
export function strided(...filters: number[]): Convolution[] {
  return filters.map((count) => ({ filters: count, kernel: 4, stride: 2 }));
}

/** By how much a chain of convolutions divides height and width. */
export function strideOf(convolutions: readonly Convolution[]): number {
  return convolutions.reduce((product, { stride }) => product * stride, 1);
}

/** @throws RangeError where the images can't be halved as often as the convolutions do */
export function checkSize({ encoder, decoder }: Pick<Architecture, 'encoder' | 'decoder'>, { height, width }: Screening['input']): void {
  for (const stride of [encoder, decoder].map(strideOf)) {
    if (height % stride === 0 && width % stride === 0) continue;
    const most = Math.floor(LARGEST_SIDE / stride);
    const near = (side: number) => Math.max(1, Math.min(most, Math.round(side / stride))) * stride;
    const advice = most > 0 ? `${near(height)} x ${near(width)} can (--image-size)` : 'an --architecture with fewer strides of 2 is needed';
    throw new RangeError(`images of ${height} x ${width} can't be halved ${Math.log2(stride)} times; ${advice}`);
  }
}
