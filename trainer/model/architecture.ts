import { z } from 'zod';

/** An encoder and its mirror image, as data. */
export const architectureSchema = z.strictObject({
  /** Channels of the encoder's convolutions, 4x4 with stride 2 each; the decoder has them in reverse, transposed. */
  filters: z.array(z.int().positive()).min(1),
  /** Units of the dense layer between convolutions and latent, on both sides. */
  dense: z.int().positive(),
  latentDim: z.int().min(2),
});

export type Architecture = z.infer<typeof architectureSchema>;
