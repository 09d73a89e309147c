declare module 'cloudflare:workers' {
  /** ctx.waitUntil of the request that is being answered. */
  export function waitUntil(work: Promise<unknown>): void;
}
declare module '*.onnx' {
  const bytes: ArrayBuffer;
  export default bytes;
}
declare module '*.bin' {
  const bytes: ArrayBuffer;
  export default bytes;
}
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
declare module '*.json.txt' {
  const text: string;
  export default text;
}
declare module '*.html' {
  const text: string;
  export default text;
}
/** The runtime that the build chose for the model's graph (build/generate.ts). */
declare module '*/generated/runtime.js' {
  export function openScreen(
    bundle: import('../shared/bundle/open-bundle.ts').Bundle,
  ): Promise<import('../shared/runtime/screen.ts').Screen>;
  /** Undefined if the runtime can't search. */
  export const openSearch:
    | ((bundle: import('../shared/bundle/open-bundle.ts').Bundle) => Promise<import('../shared/runtime/screen.ts').LocalSearch>)
    | undefined;
}
/** The files of the page, by their names (build/page.ts); null in a worker without it. */
declare module '*/generated/page.js' {
  export const page: { version: string; files: Record<string, ArrayBuffer> } | null;
}
/** ECMAScript 2026; V8 has it from 14.0 on. */
interface Uint8ArrayConstructor {
  fromBase64?(
    text: string,
    options?: { alphabet?: 'base64' | 'base64url'; lastChunkHandling?: 'loose' | 'strict' | 'stop-before-partial' },
  ): Uint8Array<ArrayBuffer>;
}
