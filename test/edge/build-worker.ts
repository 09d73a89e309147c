import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { decodeBySharp } from '../../bench/reliability/decode-by-sharp.ts';
import { generate } from '../../edge/build/generate.ts';
import { defaultFallback, startFallback } from '../../fallback/server.ts';
import { openImageReader } from '../../node/image-reader.ts';
import { sha256 } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { ImageError } from '../../shared/images/image.ts';
import { DEFAULT_LIMITS } from '../../shared/images/limits.ts';
import { preprocess } from '../../shared/images/preprocess.ts';
import { cmykJpeg, madeImages } from '../samples/made-images.ts';
import { type MutatedFile, mutatedFiles } from '../samples/mutated-files.ts';
import { phonePhoto } from '../samples/phone-photo.ts';
import { startUpstream } from './upstream-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    fallbackUrl: string;
    signedFallbackUrl: string;
    upstreamUrl: string;
    /** Files of all kinds, with the sha256 of what Node makes of each for the reference bundle. */
    madeImages: { name: string; type: string; base64: string; tensor: string }[];
    cmykJpeg: string;
    /** Files as phones make them, with the sha256 of what the command line makes of the first for the reference bundle. */
    phonePhoto: { ordinary: string; turned: string; progressive: string; webp: string; tensor: string };
    /** Damaged files, with what Node makes of each: the sha256 of the tensor, or why there is none. */
    mutatedFiles: { name: string; type: string; base64: string; tensor?: string; message?: string }[];
  }
}

/** Key of the fallback that asks for signatures. */
const HMAC_KEY = 'the-new-key-of-thirty-two-letters!';

/** The worker's generated files, with the page, from the reference bundle whatever model is active, real fallbacks with the same, and a classifier. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = join(import.meta.dirname, '../..');
  const directory = join(root, 'models', 'mnist');
  const { screening } = await generate(directory, join(root, 'edge', 'generated'), undefined, { use: 'deploy', force: false, page: true });
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
  const files = await madeImages();
  const tensors = files.map(async ({ bytes, ...file }) => {
    const tensor = preprocess(await decodeBySharp(bytes), screening.input, screening.preprocess);
    return { ...file, base64: bytes.toString('base64'), tensor: await sha256(new Uint8Array(tensor.buffer)) };
  });
  project.provide('madeImages', await Promise.all(tensors));
  project.provide('mutatedFiles', await Promise.all((await mutatedFiles()).map((file) => readInNode(file, screening))));
  project.provide('cmykJpeg', (await cmykJpeg()).toString('base64'));
  const [ordinary, turned, progressive, webp] = await Promise.all([
    phonePhoto(),
    phonePhoto({ orientation: 6 }),
    phonePhoto({ progressive: true }),
    phonePhoto({ orientation: 6, webp: true }),
  ]);
  project.provide('phonePhoto', {
    ...{ ordinary: ordinary.toString('base64'), turned: turned.toString('base64'), progressive: progressive.toString('base64') },
    webp: webp.toString('base64'),
    tensor: await tensorByCommand(ordinary),
  });
  return async () => {
    await Promise.all([fallback.close(), signed.close(), upstream.close()]);
  };
}

/** The sha256 of the tensor, as `pnpm screen` tells it. */
async function tensorByCommand(file: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'phone-'));
  const path = join(folder, 'photo.jpg');
  await writeFile(path, file);
  const args = ['cli/screen.ts', '--model', 'models/mnist', '--json', '--explain', path];
  const line = execFileSync(process.execPath, args, { cwd: join(import.meta.dirname, '../..'), encoding: 'utf8' });
  await rm(folder, { recursive: true });
  return (JSON.parse(line) as { explain: { tensor: string } }).explain.tensor;
}

async function readInNode({ name, type, bytes }: MutatedFile, { input, preprocess: rules }: Screening) {
  const read = await openImageReader();
  const outcome = await read(bytes, { limits: DEFAULT_LIMITS, background: rules.background }).then(
    async (image) => ({ tensor: await sha256(new Uint8Array(preprocess(image, input, rules).buffer)) }),
    (error: unknown) => {
      if (error instanceof ImageError) return { message: error.message };
      throw error;
    },
  );
  return { name, type, base64: bytes.toString('base64'), ...outcome };
}
