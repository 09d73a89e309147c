import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { decodersModule } from '../../edge/build/decoders-module.ts';

const { resolve } = createRequire(import.meta.url);

/** The one decoder that comes from a package of npm; its WebAssembly is copied, so that the package needs no other for it. */
const PNG_WASM = '@jsquash/png/codec/pkg/squoosh_png_bg.wasm';
const PNG_COPY = './png/squoosh_png_bg.wasm';

/** Files that the compiled code reads beside itself. */
const COPIED = [
  'LICENSE',
  'shared/kernels/screening.wasm',
  'shared/images/jpeg/libjpeg-turbo.wasm',
  'shared/images/jpeg/LICENSE.md',
  'shared/images/jpeg/README.ijg',
  'shared/images/webp/libwebp.wasm',
  'shared/images/webp/LICENSE',
  'shared/images/webp/PATENTS',
] as const;

/** Pages that the worker's routes import as texts, which only some bundlers can. The playground is made by the worker's own build. */
const PAGES = ['docs'] as const;

/** Places in the compiled code that name files where only the project has them. */
const REPLACED: readonly (readonly [file: string, from: string, to: string])[] = [
  ['shared/images/png/png.js', `'${PNG_WASM}'`, `'${PNG_COPY}'`],
  ['library/modules/browser.js', `'../../node_modules/${PNG_WASM}'`, `'../../shared/images/${PNG_COPY.slice(2)}'`],
  ...PAGES.map((page) => ['edge/routes/docs.js', `'../pages/${page}.html'`, `'../pages/${page}.html.js'`] as const),
];

/** Copies the files that the compiled code needs into its folder, and makes it name them. @throws Error if the code has changed its form */
export async function addAssets(root: string, target: string): Promise<void> {
  const copy = async (from: string, file: string) => {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await cp(from, join(target, file));
  };
  for (const file of COPIED) await copy(join(root, file), file);
  await copy(resolve(PNG_WASM), join('shared/images', PNG_COPY));
  await copy(join(dirname(resolve('@jsquash/png/package.json')), 'LICENSE'), 'shared/images/png/LICENSE');
  for (const page of PAGES) {
    const text = await readFile(join(root, 'edge/pages', `${page}.html`), 'utf8');
    await mkdir(join(target, 'edge/pages'), { recursive: true });
    await writeFile(join(target, 'edge/pages', `${page}.html.js`), `export default ${JSON.stringify(text)};\n`);
  }
  await mkdir(join(target, 'edge/generated'), { recursive: true });
  await writeFile(
    join(target, 'edge/generated/decoders.js'),
    decodersModule().replace(PNG_WASM, `../../shared/images/${PNG_COPY.slice(2)}`),
  );
  for (const [file, from, to] of REPLACED) {
    const code = await readFile(join(target, file), 'utf8');
    if (code.split(from).length !== 2) throw new Error(`${file} must name ${from} once, for the build to replace it`);
    await writeFile(join(target, file), code.replace(from, to));
  }
}
