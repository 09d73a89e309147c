import { z } from 'zod';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { LARGEST_SIDE } from '../data/dataset.ts';
import type { Convolution } from './convolutions.ts';
import { decoderStepSchema, encoderStepSchema, type Layer } from './layers.ts';

/** Encoder and decoder as data: the content of `--architecture FILE.json`. */
export const architectureSchema = z.strictObject({
  /** The encoder's convolutions and poolings from the image on; 'same' padding, ReLU after each convolution. */
  encoder: z.array(encoderStepSchema).min(1),
  /**
   * Written in the encoder's order and applied backwards, transposed: the last of the list is the first that the latent meets, and the
   * first, a convolution, gives the image.
   */
  decoder: z
    .array(decoderStepSchema)
    .min(1)
    .refine(([first]) => first === undefined || 'filters' in first, 'the first of the list gives the image and must be a convolution'),
  /** Units of the dense layer between convolutions and latent, on both sides. */
  dense: z.int().positive(),
  latentDim: z.int().min(2),
  /** `constant`: noise of one size on the latent (Eq. 7). `variable`: the encoder gives each image's own (an ordinary VAE posterior). */
  entropy: z.enum(['constant', 'variable']).default('constant'),
});

export type Architecture = z.infer<typeof architectureSchema>;

/** An architecture without what follows from the number of classes. */
export type Shape = Pick<Architecture, 'encoder' | 'decoder' | 'dense'>;

/** The encoder's layers, image to latent. */
export function encoderLayers({ encoder, dense, latentDim }: Omit<Architecture, 'entropy'>): Layer[] {
  return [
    ...encoder.map((step, i): Layer => {
      if (!('filters' in step)) return { ...step, kind: step.layer, name: `encoder_${step.layer}_${i}` };
      return { ...step, kind: 'Conv2D', activation: 'relu', name: `encoder_conv_${i}` };
    }),
    { kind: 'Flatten', name: 'encoder_flatten' },
    { kind: 'Dense', units: dense, activation: 'relu', name: 'encoder_dense' },
    { kind: 'Dense', units: latentDim, activation: 'linear', name: 'encoder_latent' },
  ];
}

/** The decoder's layers, latent to image. */
export function decoderLayers({ decoder, dense }: Omit<Architecture, 'entropy'>, input: Screening['input']): Layer[] {
  const factor = factorOf(decoder);
  let channels: number = input.channels;
  const backwards = decoder.map((step, i): Layer => {
    const place = decoder.length - 1 - i;
    if (!('filters' in step)) return { ...step, kind: step.layer, name: `decoder_${step.layer}_${place}` };
    const filters = channels;
    channels = step.filters;
    return { ...step, kind: 'Conv2DTranspose', filters, activation: i === 0 ? 'sigmoid' : 'relu', name: `decoder_conv_${place}` };
  });
  const grid = [input.height / factor, input.width / factor, channels] as const;
  return [
    { kind: 'Dense', units: dense, activation: 'relu', name: 'decoder_dense' },
    { kind: 'Dense', units: grid[0] * grid[1] * grid[2], activation: 'relu', name: 'decoder_grid' },
    { kind: 'Reshape', shape: [...grid], name: 'decoder_reshape' },
    ...backwards.reverse(),
  ];
}

/** Returns by how much the steps together divide (or, in a decoder, multiply) height and width. */
function factorOf(steps: Architecture['encoder'] | Architecture['decoder']): number {
  return steps.reduce((product, step) => product * ('size' in step ? step.size : step.stride), 1);
}

/** Counts the multiplications of encoder and decoder for one image, which a step of training is roughly in proportion to. */
export function multiplications({ encoder, decoder, dense, latentDim }: Omit<Architecture, 'entropy'>, input: Screening['input']): number {
  // A decoder's list goes from the image to the latent too, and costs as much in the other direction.
  const [one, other] = [encoder, decoder].map((steps) => {
    let [area, channels, sum]: [number, number, number] = [input.height * input.width, input.channels, 0];
    for (const step of steps) {
      area /= ('filters' in step ? step.stride : step.size) ** 2;
      if (!('filters' in step)) continue;
      sum += area * step.kernel ** 2 * channels * step.filters;
      channels = step.filters;
    }
    return sum + dense * (area * channels + latentDim);
  }) as [number, number];
  return one + other;
}

/** @throws RangeError if the images can't be halved as often as the steps do */
export function checkSize({ encoder, decoder }: Pick<Architecture, 'encoder' | 'decoder'>, { height, width }: Screening['input']): void {
  for (const factor of [encoder, decoder].map(factorOf)) {
    if (height % factor === 0 && width % factor === 0) continue;
    const most = Math.floor(LARGEST_SIDE / factor);
    const near = (side: number) => Math.max(1, Math.min(most, Math.round(side / factor))) * factor;
    const advice = most > 0 ? `${near(height)} x ${near(width)} can (--image-size)` : 'an --architecture with fewer strides of 2 is needed';
    throw new RangeError(`images of ${height} x ${width} can't be halved ${Math.log2(factor)} times; ${advice}`);
  }
}

/** Convolutions of 4x4 with stride 2, each halving the side. */
export function strided(...filters: number[]): Convolution[] {
  return filters.map((count) => ({ filters: count, kernel: 4, stride: 2 }));
}

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
