/** What the figures of a report cover, and what they do not: the same for every report. */
export const COVERED = [
  'An attacker who wants an image of one class accepted as another, and may change it within a radius: linf, the largest change of a value, or l2, the root of the sum of squares, of images in [0, 1].',
  'One who has all of the model: weights, thresholds, the decision. Gradients are those of the model that the bundle holds.',
  'One who has verdicts and scores alone, or another model: where attacks without gradients or by transfer are named above.',
  'The verdict is that of the exported graphs and the decision that the worker takes, not of the trained model.',
  'Images of nothing, of other data sets and with common corruptions: where such protocols are named above. No attack is in those.',
];

export const NOT_COVERED = [
  'Stronger attacks: every figure is what these attacks found, and so the least that an attacker can do. Intervals are of the images that were drawn, not of the attacks.',
  'Changes that are no small distance: patches, other viewpoints, printed and photographed images, a new drawing of another class.',
  'Poisoned training or calibration images, a stolen signing key, a replaced bundle.',
  'An attacker who wants images rejected: nothing in the method withstands one. The rejections above say how often it happens by the way.',
  'Images as files: attacked images are screened as float32 values as they were found; a file with 8 bits a channel rounds them, and pre-processing changes images of other sizes.',
  'Other images than those of this data set, and other thresholds than those of this id.',
  'What the paper says of SVHN: not measured, its files are not here.',
  'Changes of a few pixels by any amount (L0).',
];
