import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { FORMATS } from '../shared/images/formats.ts';

const { resolve } = createRequire(new URL('../shared/images/formats.ts', import.meta.url));

/** The WebAssembly modules of the image decoders, by the name of their format. Each is compiled when it is first asked for. */
export const decoders: Readonly<Record<string, WebAssembly.Module>> = Object.defineProperties(
  {},
  Object.fromEntries(
    FORMATS.flatMap(({ name, wasm }) => {
      if (!wasm) return [];
      let module: WebAssembly.Module | undefined;
      const get = () => {
        module ??= new WebAssembly.Module(readFileSync(resolve(wasm)));
        return module;
      };
      return [[name, { get, enumerable: true }]];
    }),
  ),
);
