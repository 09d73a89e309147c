/** An operation on two vectors; steps are 16, or 0 for four copies of a constant. */
type Elementwise = (x: number, xStep: number, y: number, yStep: number, to: number, count: number) => void;

/** The exports of shared/kernels/assembly/screening.ts, whose docstrings say what each does. Addresses and steps are bytes. */
export interface Kernels {
  convolve(
    ...args: [
      ...[a: number, aImage: number, aRow: number, aCol: number, runs: number, runBytes: number, runStride: number],
      ...[b: number, n: number, c: number, cImage: number, cRow: number, cCol: number],
      ...[images: number, rows: number, cols: number, table: number],
    ]
  ): void;
  multiplyVector(x: number, length: number, w: number, panels: number, y: number): void;
  multiplyWithBounds(
    ...args: [
      ...[x: number, c: number, r: number, length: number, w: number, centre: number, absolute: number],
      ...[panels: number, y: number, d: number, z: number],
    ]
  ): void;
  add: Elementwise;
  subtract: Elementwise;
  multiply: Elementwise;
  maximum: Elementwise;
  minimum: Elementwise;
  rectify(x: number, count: number): void;
  sigmoid(x: number, count: number): void;
  maxPool(x: number, y: number, rows: number, cols: number, channels: number, poolHeight: number, poolWidth: number): void;
  upSample(x: number, y: number, rows: number, width: number, channels: number, vertical: number, horizontal: number): void;
  placeRows(x: number, images: number, rows: number, rowBytes: number, to: number, toRow: number, toImage: number): void;
}

/** The memory of the kernels. It only grows: a graph's values keep their places for as long as it lives. */
export interface Heap {
  kernels: Kernels;
  /** Returns the address of so many floats, all zero, with room for one vector more. */
  allocate(floats: number): number;
  /** Returns a view of the floats at an address, which the next `allocate` may invalidate. */
  floats(address: number, count: number): Float32Array;
  bytes(): number;
}

const PAGE = 65536;
const ALIGNMENT = 64;

export function createHeap(module: WebAssembly.Module): Heap {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
  // The kernels have no data of their own. Their compiler keeps address 0 for null.
  let top = 1024;
  return {
    kernels,
    allocate(floats) {
      const address = top;
      top = Math.ceil((top + 4 * floats + 64) / ALIGNMENT) * ALIGNMENT;
      const missing = top - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
      return address;
    },
    floats: (address, count) => new Float32Array(memory.buffer, address, count),
    bytes: () => memory.buffer.byteLength,
  };
}
