/** In an import's entry: the kind of a memory, and the limits flags of a memory with a maximum (threads proposal; 2: shared). */
const MEMORY = 2;
const SHARED_WITH_MAXIMUM = 3;
const WITH_MAXIMUM = 1;

/**
 * Clears the `shared` flag of the memory that the ONNX Runtime wasm imports, which deployed Workers may not allow. Nothing else changes:
 * only one thread is used.
 *
 * @returns a copy of the module with the flag cleared
 * @throws Error if the bytes are not a module that imports a shared memory
 */
export async function withUnsharedMemory(wasm: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const imports = WebAssembly.Module.imports(await WebAssembly.compile(wasm));
  const memory = imports.find(({ kind }) => kind === 'memory');
  if (!memory) throw new Error('the ONNX Runtime wasm imports no memory; this version of it needs another way');
  // Both names with their lengths, the kind, the flags (WebAssembly core specification, 5.5.5).
  const names = [memory.module, memory.name].flatMap((name) => [name.length, ...Buffer.from(name)]);
  const entry = Buffer.from([...names, MEMORY, SHARED_WITH_MAXIMUM]);
  const copy = Buffer.from(wasm);
  const at = copy.indexOf(entry);
  if (at < 0) throw new Error('the memory that the ONNX Runtime wasm imports is not shared; this version of it needs another way');
  copy[at + entry.length - 1] = WITH_MAXIMUM;
  return copy;
}
