import * as z from 'zod';
import { GRAPH_SCORES, SCORES, testedScores } from '../score-table.ts';
import { UserError } from '../user-error.ts';
import { guaranteeProblem } from './guarantee.ts';
import { bundleIdOf, checksumOf, modelIdOf, sha256 } from './hashes.ts';
import { type GraphName, type Screening, screeningSchema } from './screening-schema.ts';

/** A bundle is damaged, incomplete, or of another version. The message names the file and says what to do. */
export class BundleError extends UserError {}

const RESTORE = 'Restore the bundle from where it was made, or export it again (pnpm export).';

/** Reads a file of a bundle, or throws. */
export type ReadFile = (file: string) => Promise<Uint8Array> | Uint8Array;

export interface Bundle {
  screening: Screening;
  /** Requested graphs, as ONNX bytes. */
  graphs: Partial<Record<GraphName, Uint8Array>>;
  /** ONNX external data of all graphs; the graphs name it by `screening.weights.file`. */
  weights: Uint8Array;
}

/**
 * Checks `screening.json` against the schema, the consistency of its arrays, its checksum, `modelId` and `id`.
 *
 * @throws BundleError that says what differs
 */
export async function parseScreening(text: string): Promise<Screening> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new BundleError(`screening.json is not JSON (${(error as Error).message}). ${RESTORE}`);
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version !== 1) {
    throw new BundleError(
      `screening.json has version ${version}; this Portcullis reads version 1. Use a matching version of Portcullis, or export again.`,
    );
  }
  const parsed = screeningSchema.safeParse(json);
  if (!parsed.success) throw new BundleError(`screening.json does not fit its schema:\n${z.prettifyError(parsed.error)}\n${RESTORE}`);
  const screening = parsed.data;
  const problem = inconsistency(screening);
  if (problem) throw new BundleError(`screening.json is inconsistent: ${problem}. ${RESTORE}`);
  if ((await checksumOf(screening)) !== screening.checksum) {
    throw new BundleError(`screening.json was changed after it was written: its checksum does not match its content. ${RESTORE}`);
  }
  if ((await modelIdOf(screening)) !== screening.modelId)
    throw new BundleError(`screening.json has a modelId that is not its model's. ${RESTORE}`);
  if ((await bundleIdOf(screening)) !== screening.id)
    throw new BundleError(`screening.json has an id that is not its content's. ${RESTORE}`);
  return screening;
}

/**
 * Reads and verifies a bundle: `screening.json`, the weights, and the graphs that are named.
 *
 * @param read returns a file's bytes by its name within the bundle
 * @param names graphs to read; the others are ignored
 * @throws BundleError if a file is missing, or its size or sha256 is not that of screening.json
 */
export async function openBundle(read: ReadFile, names: readonly GraphName[]): Promise<Bundle> {
  const screening = await parseScreening(new TextDecoder().decode(await readOr(read, 'screening.json')));
  const weights = await readVerified(read, screening.weights);
  const graphs: Bundle['graphs'] = {};
  for (const name of names) graphs[name] = await readVerified(read, screening.graphs[name]);
  return { screening, graphs, weights };
}

async function readOr(read: ReadFile, file: string): Promise<Uint8Array> {
  try {
    return await read(file);
  } catch (error) {
    throw new BundleError(`${file} of the bundle can't be read (${(error as Error).message}). ${RESTORE}`);
  }
}

async function readVerified(read: ReadFile, entry: Screening['weights']): Promise<Uint8Array> {
  const bytes = await readOr(read, entry.file);
  if (bytes.byteLength !== entry.bytes) {
    throw new BundleError(`${entry.file} has ${bytes.byteLength} bytes; screening.json says ${entry.bytes}. ${RESTORE}`);
  }
  const actual = await sha256(bytes);
  if (actual !== entry.sha256) {
    throw new BundleError(`${entry.file} was changed: its sha256 is ${actual}; screening.json says ${entry.sha256}. ${RESTORE}`);
  }
  return bytes;
}

/** Compares array lengths, which zod can't. @returns what disagrees (or the guarantee's problem), or undefined */
function inconsistency(screening: Screening): string | undefined {
  const classes = screening.classes.length;
  const { latentDim, covariances, thresholds, calibration, golden, input } = screening;
  const { levels, ...quantiles } = calibration.quantiles;
  const perClass: [string, readonly unknown[]][] = [
    ['means', screening.means],
    ['covariances.values', covariances.values],
    ...Object.entries(thresholds).map(([name, values]): [string, number[]] => [`thresholds.${name}`, values]),
    ...Object.entries(quantiles).map(([name, table]): [string, number[][]] => [`calibration.quantiles.${name}`, table]),
  ];
  for (const [name, values] of perClass)
    if (values.length !== classes) return `${name} has ${values.length} entries for ${classes} classes`;
  if (new Set(screening.classes).size !== classes) return 'classes has a name twice';
  const perDimension: [string, readonly unknown[]][] = screening.means.map((mean, y) => [`means[${y}]`, mean]);
  if (covariances.kind === 'diagonal')
    perDimension.push(...covariances.values.map((row, y): [string, number[]] => [`covariances.values[${y}]`, row]));
  if (covariances.kind === 'full') {
    covariances.values.forEach((matrix, y) => {
      perDimension.push([`covariances.values[${y}]`, matrix]);
      for (const row of matrix) perDimension.push([`a row of covariances.values[${y}]`, row]);
    });
  }
  perDimension.push(['golden.latent', golden.latent]);
  for (const [name, values] of perDimension)
    if (values.length !== latentDim) return `${name} has ${values.length} entries for latentDim ${latentDim}`;
  for (const table of Object.values(quantiles))
    if (table.some((row) => row.length !== levels.length)) return `a quantile row does not have ${levels.length} entries`;
  const untold = testedScores(thresholds).find((name) => GRAPH_SCORES.some((score) => score === name) && golden[name] === undefined);
  if (untold) return `thresholds.${SCORES[untold].threshold} belongs to a score that screen.onnx does not answer for the golden image`;
  const floats = input.height * input.width * input.channels;
  if (atob(golden.image).length !== 4 * floats) return `golden.image does not hold ${floats} float32 values`;
  if (golden.label >= classes) return `golden.label ${golden.label} is not a class`;
  return guaranteeProblem(screening);
}
