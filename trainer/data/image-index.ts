import { z } from 'zod';

/** The images in a file of levels, which holds H * W * C bytes for each. */
export const indexSchema = z.strictObject({
  /** In the order of the levels; paths are relative to the folder that the images come from. */
  files: z.array(
    z.strictObject({
      file: z.string(),
      label: z.int().nonnegative(),
      sha256: z.string(),
      /** Its format's name. */
      format: z.string().default(''),
      /** Sha256 of its levels: images that the model sees alike have the same. */
      look: z.string().default(''),
      /** All of its levels are about the same. */
      isBlank: z.boolean().default(false),
    }),
  ),
  /** Size and time of change of each of these files when it was read. */
  stats: z.array(z.tuple([z.number(), z.number()])),
  unreadable: z.array(z.strictObject({ file: z.string(), why: z.string() })),
  /** Sha256 of the file of levels. */
  sha256: z.string(),
});

export type ImageIndex = z.infer<typeof indexSchema>;
export type StoredFile = ImageIndex['files'][number];

/** A file of levels, and the positions of images in it. */
export interface StoredImages {
  path: string;
  index: ImageIndex;
  positions: readonly number[];
  /** Images in the folder that were in no class when the index was made, where that is known. */
  others?: readonly string[];
}
