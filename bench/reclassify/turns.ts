import { createHash } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import type { Rejects } from './rejects.ts';
import type { Found } from './solver.ts';

/** Some images of a set, searched by each search in turn. */
export interface Turn {
  /** Identifies the images, the bundle and the searches. */
  key: string;
  set: string;
  labels: number[];
  /** One of each search. */
  found: Found[];
}

interface Solver {
  solve(images: Float32Array): Promise<Found>;
}

/**
 * A set in turns of so many images, so that whatever else the machine does meets all searches alike.
 *
 * @param identity of the bundle and the searches
 * @param kept by their keys, turns of an earlier run; they are not made again
 * @param file that each new turn is added to, a line of JSON; null: none
 */
export async function* turnsOf(
  set: Rejects,
  solvers: readonly Solver[],
  imagesATurn: number,
  identity: string,
  kept: ReadonlyMap<string, Turn>,
  file: string | null,
): AsyncGenerator<Turn> {
  const size = set.images.length / set.labels.length;
  for (let first = 0; first < set.labels.length; first += imagesATurn) {
    const labels = set.labels.slice(first, first + imagesATurn);
    const images = set.images.subarray(first * size, (first + labels.length) * size);
    const key = createHash('sha256')
      .update(identity)
      .update(new Uint8Array(images.buffer, images.byteOffset, images.byteLength))
      .digest('hex');
    const before = kept.get(key);
    if (before) {
      yield before;
      continue;
    }
    const found: Found[] = [];
    for (const { solve } of solvers) found.push(await solve(images));
    const turn = { key, set: set.name, labels, found };
    if (file) await appendFile(file, `${JSON.stringify(turn)}\n`);
    yield turn;
  }
}

/** Turns that a file holds, by their keys; none where there is no such file. A line that was not written whole is left out. */
export async function keptTurns(file: string | null): Promise<Map<string, Turn>> {
  const text = file ? await readFile(file, 'utf8').catch(() => '') : '';
  const turns = text.split('\n').flatMap((line): Turn[] => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  return new Map(turns.map((turn) => [turn.key, turn]));
}
