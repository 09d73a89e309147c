import { type Bundle, BundleError, openBundle, type ReadFile } from '../shared/bundle/open-bundle.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { UsageError } from '../shared/user-error.ts';
import { kindOf } from './kind-of.ts';

/** A verified bundle with `screen.onnx`. The graph of the search is read when it is first needed. */
export interface ScreeningBundle extends Bundle {
  /** Reads and verifies `reclassify.onnx`. @throws BundleError if it is missing or damaged */
  withSearch(): Promise<Bundle>;
}

/** The content of a bundle's file: its bytes, or its text. */
export type FileContent = Uint8Array | ArrayBuffer | string;

/** The files of a bundle, by name: at least `screening.json`, `screen.onnx` and `weights.bin`; for the search `reclassify.onnx` too. */
export type BundleFiles = Readonly<Record<string, FileContent | Promise<FileContent>>>;

/**
 * Opens a bundle whose files are in memory: modules of a worker, or bytes that the caller has got from somewhere.
 *
 * @throws BundleError if a file is missing, damaged or of another version
 * @example
 * const bundle = await bundleOf({ 'screening.json': text, 'screen.onnx': graph, 'weights.bin': weights });
 */
export async function bundleOf(files: BundleFiles): Promise<ScreeningBundle> {
  if (typeof files !== 'object' || files === null) throw new UsageError(`The files of a bundle are needed; this is ${kindOf(files)}.`);
  return readBundle(async (file) => {
    const content = await files[file];
    if (content === undefined) throw new Error('it was not given');
    if (typeof content === 'string') return new TextEncoder().encode(content);
    if (content instanceof Uint8Array) return content;
    if (content instanceof ArrayBuffer) return new Uint8Array(content);
    throw new Error(`it was given as ${kindOf(content)}; its text or its bytes are needed`);
  });
}

/**
 * Opens a bundle from the address of its folder, with `fetch`.
 *
 * @param address of the folder, with or without a slash at its end; relative to the page in a browser
 * @throws UsageError if it is no address; BundleError if a file can't be fetched, is damaged or of another version
 */
export async function fetchBundle(address: string | URL, fetcher: typeof fetch = fetch): Promise<ScreeningBundle> {
  const folder = String(address).replace(/\/*$/, '/');
  const base = typeof location === 'undefined' ? undefined : location.href;
  if (!URL.canParse(folder, base))
    throw new UsageError(
      `The address of a bundle is ${kindOf(address)}; a whole one is needed here, such as https://example.com/models/mnist.`,
    );
  return readBundle(async (file) => {
    const url = new URL(file, new URL(folder, base));
    const response = await fetcher(url).catch((error: Error) => {
      throw new Error(`${url} does not answer: ${(error.cause as Error | undefined)?.message ?? error.message}`);
    });
    if (!response.ok) throw new Error(`${url} answers ${response.status}`);
    // As servers of single-page apps answer for what they do not have.
    if (response.headers.get('content-type')?.startsWith('text/html')) throw new Error(`${url} answers a page in place of the file`);
    return new Uint8Array(await response.arrayBuffer());
  });
}

/** Opens a bundle by reading its files. @throws BundleError */
export async function readBundle(read: ReadFile): Promise<ScreeningBundle> {
  checkCrypto();
  const bundle = await openBundle(read, ['screen']);
  return { ...bundle, withSearch: () => searchOf(read, bundle.screening) };
}

async function searchOf(read: ReadFile, { id }: Screening): Promise<Bundle> {
  const bundle = await openBundle(read, ['reclassify']);
  if (bundle.screening.id !== id)
    throw new BundleError(`The bundle was replaced by ${bundle.screening.id} since it was opened. Open it again.`);
  return bundle;
}

/** Hashes need WebCrypto, which browsers give to secure pages only. */
function checkCrypto(): void {
  if (globalThis.crypto?.subtle) return;
  throw new BundleError('The bundle cannot be verified: this page has no WebCrypto. Serve it by https, or from localhost.');
}
