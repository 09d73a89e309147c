import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { preprocess } from '../../shared/preprocess.ts';
import { sha256 } from '../../shared/sha256.ts';
import { decodeFile } from '../../trainer/data/decode-file.ts';

/** sha256 of the tensor that Node (sharp, then shared/preprocess) makes of each sample, for a 28x28x1 model. */
export async function nodeTensors(): Promise<Record<string, string>> {
  const files = (await readdir(import.meta.dirname)).filter((file) => /\.(png|jpg)$/.test(file)).sort();
  const rules = { version: 1, grey: 'bt601', resize: 'triangle', fit: 'contain', background: 0, polarity: 'as-is' } as const;
  const entries = files.map(async (file) => {
    const raw = await decodeFile(await readFile(join(import.meta.dirname, file)), 1e6);
    const tensor = preprocess(raw, { height: 28, width: 28, channels: 1 }, rules);
    return [file, await sha256(new Uint8Array(tensor.buffer))];
  });
  return Object.fromEntries(await Promise.all(entries));
}
