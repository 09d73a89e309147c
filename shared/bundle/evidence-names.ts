/** Names of evidence that the verdict on fitness knows a measurement by. */

/** Test images as they are. */
export const CLEAN = 'clean test images';
/** Kinds of images that show nothing, in the order in which they are measured. */
export const NONSENSE = ['uniform noise', 'blank pages', 'drawn nonsense'] as const;
/** Begins the name of unknown images that come from another data set or a folder. */
export const UNKNOWN = 'unknown: ';
/** Begins the name of a class that was left out of a small model, whose images were screened with that one. */
export const LEFT_OUT = 'left out: ';
