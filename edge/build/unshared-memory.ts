/**
 * Clears the `shared` flag of the memory that the ONNX Runtime wasm imports, which deployed Workers may not allow. Nothing else changes:
 * only one thread is used.
 *
 * @returns a copy of the module with the flag cleared
 * @throws Error if the bytes are not such a module
 */
export function withUnsharedMemory(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  if (wasm[0] !== 0 || wasm[1] !== 0x61 || wasm[2] !== 0x73 || wasm[3] !== 0x6d)
    throw new Error('the ONNX Runtime file is not a WebAssembly module');
  const at = memoryFlagOffset(wasm);
  if (wasm[at] !== SHARED_WITH_MAXIMUM)
    throw new Error(`the memory import of the ONNX Runtime wasm has flag ${wasm[at]}; expected ${SHARED_WITH_MAXIMUM} (shared)`);
  const copy = new Uint8Array(wasm);
  copy[at] = WITH_MAXIMUM;
  return copy;
}

/** The limits flags of the threads proposal: 1 if a maximum follows, 2 if shared. */
const SHARED_WITH_MAXIMUM = 3;
const WITH_MAXIMUM = 1;

const IMPORT_SECTION = 2;

/** Returns the offset of the limits flag of the first memory import (WebAssembly core specification, 5.5.5). */
function memoryFlagOffset(wasm: Uint8Array): number {
  let at = 8;
  const byte = () => {
    const value = wasm[at++];
    if (value === undefined) throw new Error('the ONNX Runtime wasm ends within its import section');
    return value;
  };
  /** Reads an unsigned LEB128. */
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const part = byte();
      value += (part & 0x7f) * 2 ** shift;
      if (part < 0x80) return value;
    }
  };
  const limits = () => {
    const flags = byte();
    number();
    if (flags & 1) number();
  };
  while (at < wasm.length) {
    const section = byte();
    const size = number();
    if (section !== IMPORT_SECTION) {
      at += size;
      continue;
    }
    for (let count = number(); count > 0; count--) {
      for (let name = 0; name < 2; name++) {
        const length = number();
        at += length;
      }
      const kind = byte();
      if (kind === 2) return at;
      if (kind === 0) number();
      else if (kind === 1) {
        byte();
        limits();
      } else if (kind === 3) at += 2;
      else {
        byte();
        number();
      }
    }
  }
  throw new Error('the ONNX Runtime wasm imports no memory; this version of it needs another way');
}
