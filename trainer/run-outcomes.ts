import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJsonOrNull, writeAtomically } from '../node/files/files.ts';
import type { Outcomes } from './outcomes.ts';
import type { Run } from './run.ts';

const count = z.int().nonnegative();
const schema = z.strictObject({
  split: z.enum(['test', 'validation']),
  outcomes: z.strictObject({ images: count, acceptedRight: count, acceptedWrong: count, rejected: count, nearestRight: count }),
});

const fileOf = (run: Run) => join(run.directory, 'outcomes.json');

/** Keeps what the run's thresholds made of a split, in place of what was kept before. */
export async function saveOutcomes(run: Run, split: 'test' | 'validation', outcomes: Outcomes): Promise<void> {
  await writeAtomically(fileOf(run), `${JSON.stringify({ split, outcomes })}\n`);
}

/** Whether what its thresholds made of a split is kept: it is what calibration writes last. */
export function hasOutcomes(run: Run): boolean {
  return existsSync(fileOf(run));
}

/** Of the test split, or null where the thresholds were last tried on another, or none are set. */
export async function readTestOutcomes(run: Run): Promise<Outcomes | null> {
  const kept = schema.safeParse(parseJsonOrNull(await readFile(fileOf(run), 'utf8').catch(() => 'null')));
  return kept.success && kept.data.split === 'test' ? kept.data.outcomes : null;
}
