import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeBySharp } from '../../bench/reliability/decode-by-sharp.ts';
import { sha256 } from '../../shared/bundle/hashes.ts';
import { preprocess } from '../../shared/images/preprocess.ts';

/** sha256 of the tensor that Node (sharp, then shared/preprocess) makes of each sample, for a 28x28x1 model. */
export async function nodeTensors(): Promise<Record<string, string>> {
  const files = (await readdir(import.meta.dirname)).filter((file) => /\.(png|jpg)$/.test(file)).sort();
  const rules = { version: 1, grey: 'bt601', resize: 'triangle', fit: 'contain', background: 0, polarity: 'as-is' } as const;
  const entries = files.map(async (file) => {
    const raw = await decodeBySharp(await readFile(join(import.meta.dirname, file)));
    const tensor = preprocess(raw, { height: 28, width: 28, channels: 1 }, rules);
    return [file, await sha256(new Uint8Array(tensor.buffer))];
  });
  return Object.fromEntries(await Promise.all(entries));
}
