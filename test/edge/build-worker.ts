import { join } from 'node:path';
import { generate } from '../../edge/build/generate.ts';

/** The worker's generated files, from the reference bundle whatever model is active. */
export default async function setup(): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  await generate(join(root, 'models', 'mnist'), join(root, 'edge', 'generated'));
}
