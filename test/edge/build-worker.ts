import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { generate } from '../../edge/build/generate.ts';
import { defaultFallback, startFallback } from '../../fallback/server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    fallbackUrl: string;
  }
}

/** The worker's generated files, from the reference bundle whatever model is active, and a real fallback with the same. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = join(import.meta.dirname, '../..');
  const directory = join(root, 'models', 'mnist');
  await generate(directory, join(root, 'edge', 'generated'));
  const fallback = await startFallback({ ...defaultFallback, port: 0, provider: 'cpu', directory });
  project.provide('fallbackUrl', fallback.url);
  return fallback.close;
}
