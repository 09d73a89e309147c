import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { generate } from '../../edge/build/generate.ts';
import { defaultFallback, startFallback } from '../../fallback/server.ts';
import { startUpstream } from './upstream-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    fallbackUrl: string;
    signedFallbackUrl: string;
    upstreamUrl: string;
  }
}

/** Of the fallback that asks for signatures. */
const HMAC_KEY = 'the-new-key-of-thirty-two-letters!';

/** The worker's generated files, from the reference bundle whatever model is active, real fallbacks with the same, and a classifier. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = join(import.meta.dirname, '../..');
  const directory = join(root, 'models', 'mnist');
  await generate(directory, join(root, 'edge', 'generated'));
  const fallback = await startFallback({ ...defaultFallback, port: 0, provider: 'cpu', directory });
  project.provide('fallbackUrl', fallback.url);
  const signed = await startFallback({
    ...defaultFallback,
    port: 0,
    provider: 'cpu',
    directory,
    hmacKeys: ['the-old-key-of-thirty-two-letters!', HMAC_KEY],
  });
  project.provide('signedFallbackUrl', signed.url);
  const upstream = await startUpstream();
  project.provide('upstreamUrl', upstream.url);
  return async () => {
    await Promise.all([fallback.close(), signed.close(), upstream.close()]);
  };
}
