import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../../node/project-folder.ts';
import { type Networks, networksOf } from '../../../page/engine/gradient/networks.ts';
import { type Bundle, openBundle } from '../../../shared/bundle/open-bundle.ts';

export const kernels = new WebAssembly.Module(readFileSync(join(ROOT, 'shared/kernels/screening.wasm')));

/** Opens a bundle of models/ and its networks with their gradients. */
export async function openNetworks(name: string): Promise<{ bundle: Bundle; networks: Networks }> {
  const bundle = await openBundle((file) => readFile(join(ROOT, 'models', name, file)), ['screen']);
  return { bundle, networks: networksOf(kernels, bundle, 11) };
}
