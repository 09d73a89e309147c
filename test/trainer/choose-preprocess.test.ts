import { describe, expect, it } from 'vitest';
import { choosePreprocess } from '../../trainer/data/folder/choose-preprocess.ts';
import { type Colour, type PixelFacts, pixelFacts } from '../../trainer/data/folder/survey.ts';

const header = (width: number, height: number) => ({ label: 0, width, height, mayBeTransparent: false });
const mixed = [header(40, 30), header(30, 40), header(30, 30)];
const photo: PixelFacts = { mean: [90, 80, 71], border: [50, 60, 70], hasPlainBorder: false, isTransparent: false };
const page = (border: Colour): PixelFacts => ({ mean: [200, 200, 190], border, hasPlainBorder: true, isTransparent: false });
const icon = (level: number): PixelFacts => ({ mean: [level, level, level], border: null, hasPlainBorder: true, isTransparent: true });

describe('the preprocessing of a folder', () => {
  it.each([
    ['photographs of one aspect ratio are padded', [header(40, 30), header(80, 60)], [photo], { fit: 'contain', background: 0 }],
    ['photographs of several are cropped', mixed, [photo], { fit: 'cover', background: 0 }],
    ['strips are distorted, as too little of them would be left', [header(10, 30), header(90, 10)], [photo], { fit: 'stretch' }],
    [
      'scans are padded with their paper',
      mixed,
      [page([240, 238, 230]), page([242, 238, 230])],
      { fit: 'contain', background: [240, 238, 230] },
    ],
    ['scans with borders of several colours are cropped', mixed, [page([0, 0, 0]), page([255, 255, 255])], { fit: 'cover' }],
    ['dark icons on transparency lie on white', mixed, [icon(20), icon(60)], { fit: 'contain', background: 255 }],
    ['light icons on transparency lie on black', mixed, [icon(220)], { fit: 'contain', background: 0 }],
    ['nothing is known of no images', [], [], { fit: 'contain', background: 0, polarity: 'as-is' }],
  ] as const)('%s', (_, headers, pixels, rules) => {
    expect(choosePreprocess(headers, pixels, {}).rules).toMatchObject(rules);
  });

  it('is as the user says', () => {
    const choice = { fit: 'stretch', background: [1, 2, 3] as [number, number, number], polarity: 'inverted' } as const;
    expect(choosePreprocess(mixed, [photo], choice)).toMatchObject({ rules: choice, why: '' });
    expect(choosePreprocess(mixed, [photo, { ...photo, mean: [10, 20, 32] }], { background: 'mean' }).rules.background).toEqual([
      50, 50, 52,
    ]);
    const polarity = (pixels: PixelFacts[]) => choosePreprocess(mixed, pixels, { polarity: 'auto' }).rules.polarity;
    expect([polarity([page([240, 240, 240])]), polarity([page([9, 9, 9])]), polarity([icon(20)]), polarity([photo])]).toEqual([
      ...['inverted', 'as-is', 'inverted', 'as-is'],
    ]);
  });
});

describe('the pixels of an image', () => {
  const image = (pixels: number[]) => ({ width: 3, height: 3, channels: 1 as const, pixels: Uint8Array.from(pixels) });

  it('tell its mean and its border', () => {
    const opaque = image([10, 10, 10, 10, 100, 10, 10, 10, 10]);
    expect(pixelFacts(opaque, opaque)).toEqual({ mean: [20, 20, 20], border: [10, 10, 10], hasPlainBorder: true, isTransparent: false });
    const odd = image([10, 10, 90, 10, 100, 10, 10, 10, 10]);
    // Seven of eight are not most.
    expect(pixelFacts(odd, odd).hasPlainBorder).toBe(false);
  });

  it('tell where it is transparent, without what lies behind', () => {
    // The middle is opaque and 100, its border clear.
    const [black, white] = [image([0, 0, 0, 0, 100, 0, 0, 0, 0]), image([255, 255, 255, 255, 100, 255, 255, 255, 255])];
    expect(pixelFacts(black, white)).toEqual({ mean: [100, 100, 100], border: null, hasPlainBorder: true, isTransparent: true });
  });
});
