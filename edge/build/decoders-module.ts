import { FORMATS } from '../../shared/images/formats.ts';

/** Returns the module `generated/decoders.js`, which imports the WebAssembly of every image format's decoder. */
export function decodersModule(): string {
  const compiled = FORMATS.filter(({ wasm }) => wasm);
  const imports = compiled.map(({ wasm = '' }, i) => `import wasm${i} from '${wasm.replace(/^\.\//, '../../shared/images/')}';\n`);
  const members = compiled.map(({ name }, i) => `  ${JSON.stringify(name)}: wasm${i},\n`);
  return `${imports.join('')}export const decoders = {\n${members.join('')}};\n`;
}
