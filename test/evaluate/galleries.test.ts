import { describe, expect, it } from 'vitest';
import { galleriesOf } from '../../evaluate/figures/galleries.ts';
import { measuredParts } from '../../evaluate/figures/measured-parts.ts';
import type { JobResult } from '../../evaluate/jobs/job.ts';
import type { Outcome } from '../../evaluate/measure/outcome.ts';
import { clean, KEY, made, result } from './made-results.ts';

const galleries = (jobs: JobResult[]) => galleriesOf(measuredParts(jobs, KEY), { height: 2, width: 2, channels: 1 });
const images = (picture: string, truths: number[], more: Partial<Outcome> = {}) =>
  truths.map((truth, image) => made(image, 'right', { truth, label: truth, picture: `${picture}${image}`, norm: null, ...more }));
const unchanged = clean(images('clean', [2, 0, 1]));

describe('galleries', () => {
  it('show an image beside the test image that it was made from', () => {
    const [gallery] = galleries([unchanged, result('FGSM', images('fgsm', [2, 0, 1], { attack: 'FGSM' }))]);
    expect(gallery?.entries.map(({ clean: from, attacked }) => [from, attacked])).toEqual([0, 1, 2].map((i) => [`clean${i}`, `fgsm${i}`]));
  });

  it('show an image that was made from nothing alone, though its number and class be those of a test image', () => {
    const [gallery] = galleries([unchanged, result('generated', images('made', [0, 1, 1], { attack: 'generated' }))]);
    expect(gallery?.entries.map(({ clean: from }) => from)).toEqual([null, null, null]);
  });

  it('show several images where each has many targets', () => {
    const targets = [0, 1, 2].flatMap((image) => Array.from({ length: 9 }, () => made(image, 'wrong', { attack: 'Eq. 10', picture: 'x' })));
    const [gallery] = galleries([result('Eq. 10', targets)]);
    expect(gallery?.entries.map(({ image }) => image)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  });
});
