import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../node/files/files.ts';
import { type Check, type Report, reportSchema } from '../figures/report-schema.ts';
import { type Evaluation, summarise } from '../figures/summarise.ts';
import { evaluationPage } from './page.ts';

/** An evaluation, and how its images are reconstructed. */
export interface WriteOptions extends Omit<Evaluation, 'portcullis'> {
  /** Reconstructs images, [N, H, W, C] flat, for the galleries, by the exported graph. */
  reconstruct?: (images: Float32Array) => Float32Array | Promise<Float32Array>;
}

/**
 * Writes the report of an evaluation: `report.json`, which holds every figure, and `report.html`, which is made from it.
 *
 * @returns the report; where a check of the report in `sanity` has failed (`false`), the command should fail
 * @throws RangeError where the results do not belong together
 */
export async function writeEvaluation(
  directory: string,
  { reconstruct, ...evaluation }: WriteOptions,
): Promise<{ summary: Report; sanity: Check[] }> {
  const summary = reportSchema.parse(summarise({ ...evaluation, portcullis: packageVersion() }));
  if (reconstruct) await addReconstructions(summary, reconstruct);
  await mkdir(directory, { recursive: true });
  const text = `${JSON.stringify(summary, null, 1)}\n`;
  await writeAtomically(join(directory, 'report.json'), text);
  // Made from the text, so that the page shows what the file says.
  await writeAtomically(join(directory, 'report.html'), await evaluationPage(reportSchema.parse(JSON.parse(text))));
  return { summary, sanity: summary.sanity };
}

async function addReconstructions({ galleries }: Report, reconstruct: NonNullable<WriteOptions['reconstruct']>): Promise<void> {
  // Images of another bundle have no reconstruction here.
  const entries = galleries.filter(({ otherBundle }) => !otherBundle).flatMap((gallery) => gallery.entries);
  if (entries.length === 0) return;
  const levels = entries.map(({ attacked }) => Buffer.from(attacked, 'base64'));
  const made = await reconstruct(Float32Array.from(Buffer.concat(levels), (level) => level / 255));
  const size = made.length / entries.length;
  for (const [i, entry] of entries.entries()) {
    const own = Uint8Array.from(made.subarray(i * size, (i + 1) * size), (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
    entry.reconstruction = Buffer.from(own).toString('base64');
  }
}

const packageVersion = () =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;
