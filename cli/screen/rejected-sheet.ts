import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { tensorOf } from '../../shared/images/preprocess.ts';
import { randomFrom } from '../../shared/random.ts';
import { contactSheetPng } from '../../trainer/report/contact-sheet.ts';

/** Images in a row of the sheet, and the most rows of one reason. */
const COLUMNS = 16;
const MOST_ROWS = 6;

/** Collects rejected images for a contact sheet: of each reason a random sample, so that memory does not grow with their number. */
export function rejectedSheet(input: Screening['input']) {
  const random = randomFrom(1, 'rejected');
  const byReason = new Map<string, { seen: number; images: Uint8Array[] }>();
  return {
    add(reason: string, levels: Uint8Array): void {
      const kept = byReason.get(reason) ?? { seen: 0, images: [] };
      byReason.set(reason, kept);
      // Every image seen so far is in the sample with the same probability.
      const place = kept.images.length < COLUMNS * MOST_ROWS ? kept.images.length : random.integer(0, kept.seen);
      if (place < COLUMNS * MOST_ROWS) kept.images[place] = levels;
      kept.seen++;
    },
    /** Returns the sheet, and says what its rows show; null where nothing was rejected. */
    async png(): Promise<{ png: Buffer; rows: string[] } | null> {
      const [images, labels, rows]: [Float32Array[], string[], string[]] = [[], [], []];
      const blank = new Float32Array(input.height * input.width * input.channels).fill(0.5);
      for (const [reason, { seen, images: own }] of byReason) {
        const count = Math.ceil(own.length / COLUMNS);
        rows.push(`rows ${labels.length + 1} to ${labels.length + count}: ${reason}, ${own.length} of ${seen}`);
        labels.push(...new Array(count).fill(reason));
        images.push(...own.map(tensorOf), ...new Array(count * COLUMNS - own.length).fill(blank));
      }
      return images.length === 0 ? null : { png: await contactSheetPng(images, input, COLUMNS, labels), rows };
    },
  };
}
