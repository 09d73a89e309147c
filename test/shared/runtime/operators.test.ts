import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createGraph, type GraphBuilder, modelBytes, valueInfo } from '../../../export/onnx/graph-builder.ts';
import { createWeightStore, WEIGHTS_FILE } from '../../../export/onnx/weight-store.ts';
import { randomFrom } from '../../../shared/random.ts';
import { compileGraph } from '../../../shared/runtime/compile-graph.ts';
import { createHeap } from '../../../shared/runtime/heap.ts';
import { UnsupportedGraphError } from '../../../shared/runtime/operator.ts';
import { readOnnx } from '../../../shared/runtime/read-onnx.ts';

const module = new WebAssembly.Module(await readFile('shared/kernels/screening.wasm'));
const CAPACITY = 5;
const random = randomFrom(1, 'operators');
const uniform = (length: number) => Float32Array.from({ length }, () => random.uniform() - 0.5);
const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

/** A graph of `image` [N, H, W, C], whose nodes `write` adds; it answers `y`. */
function graphOf(shape: [number, number, number], write: (graph: GraphBuilder, weight: (shape: number[]) => string) => string) {
  const store = createWeightStore();
  const graph = createGraph(store);
  graph.rename(
    write(graph, (of) => graph.weight(uniform(sizeOf(of)), of)),
    'y',
  );
  const model = modelBytes(graph.proto('g', [valueInfo('image', 'float', ['N', ...shape])], [valueInfo('y', 'float', ['N'])]));
  return { model, weights: store.bytes(), shape };
}

async function compare({ model, weights, shape }: ReturnType<typeof graphOf>) {
  const session = await ort.InferenceSession.create(model, { externalData: [{ path: WEIGHTS_FILE, data: weights }], logSeverityLevel: 4 });
  const heap = createHeap(module);
  const { input, outputs, run } = compileGraph(heap, readOnnx(model, weights), shape, CAPACITY);
  const y = outputs.get('y') as NonNullable<ReturnType<typeof outputs.get>>;
  for (const images of [CAPACITY, 1, 2]) {
    const x = uniform(images * sizeOf(shape));
    const expected = (await session.run({ image: new ort.Tensor('float32', x, [images, ...shape]) })).y?.data as Float32Array;
    heap.floats(input.address, x.length).set(x);
    run(images);
    const actual = heap.floats(y.address, images * sizeOf(y.shape));
    expect(actual).toHaveLength(expected.length);
    expect(Math.max(...expected.map((value, i) => Math.abs(value - (actual[i] as number))))).toBeLessThan(1e-5);
  }
}

const first = (graph: GraphBuilder) => graph.node('Transpose', ['image'], { perm: [0, 3, 1, 2] });
const last = (graph: GraphBuilder, value: string) => graph.node('Transpose', [value], { perm: [0, 2, 3, 1] });

describe('Conv', () => {
  it.each([
    { shape: [7, 5, 3], n: 4, kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] },
    { shape: [9, 8, 1], n: 1, kernel: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0] },
    { shape: [11, 13, 2], n: 9, kernel: [5, 2], strides: [3, 2], pads: [2, 0, 1, 1] },
    { shape: [12, 12, 6], n: 17, kernel: [4, 4], strides: [2, 2], pads: [1, 1, 1, 1] },
  ] as const)('%o', ({ shape, n, kernel, strides, pads }) =>
    compare(
      graphOf([...shape], (graph, weight) => {
        const inputs = [first(graph), weight([n, shape[2], ...kernel]), weight([n])];
        return last(graph, graph.node('Conv', inputs, { kernel_shape: kernel, strides, pads }));
      }),
    ),
  );
});

describe('ConvTranspose', () => {
  it.each([
    { shape: [7, 5, 3], n: 4, kernel: [4, 4], strides: [2, 2], pads: [1, 1, 1, 1], over: [0, 0] },
    { shape: [6, 6, 2], n: 9, kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], over: [0, 0] },
    { shape: [5, 4, 8], n: 1, kernel: [3, 5], strides: [2, 3], pads: [0, 1, 1, 2], over: [1, 1] },
    { shape: [4, 4, 1], n: 2, kernel: [2, 7], strides: [2, 3], pads: [0, 3, 0, 2], over: [0, 0] },
  ] as const)('%o', ({ shape, n, kernel, strides, pads, over }) =>
    compare(
      graphOf([...shape], (graph, weight) => {
        const inputs = [first(graph), weight([shape[2], n, ...kernel]), weight([n])];
        return last(graph, graph.node('ConvTranspose', inputs, { kernel_shape: kernel, strides, pads, output_padding: over }));
      }),
    ),
  );
});

it.each([
  [7, 10],
  [8, 8],
  [30, 33],
])('Gemm of %i to %i, Relu and Sigmoid', (from, to) =>
  compare(
    graphOf([1, from, 1], (graph, weight) => {
      const flat = graph.node('Reshape', ['image', graph.ints([-1, from])]);
      const y = graph.node('Relu', [graph.node('Gemm', [flat, weight([from, to]), weight([to])])]);
      return graph.node('Sigmoid', [graph.node('Gemm', [y, weight([to, 11]), weight([11])])]);
    }),
  ),
);

it('Add, Sub, Mul, Max and Min of values and constants, of either shape; ReduceMax; Abs of weights', () =>
  compare(
    graphOf([2, 3, 1], (graph, weight) => {
      const flat = graph.node('Reshape', ['image', graph.ints([-1, 6])]);
      const rows = graph.node('Max', [graph.node('Unsqueeze', [flat, graph.ints([1])]), weight([4, 6])]);
      const sums = graph.node('ReduceSum', [graph.node('Sub', [graph.node('Abs', [weight([4, 6])]), rows]), graph.ints([2])], {
        keepdims: 0,
      });
      const least = graph.node('Min', [graph.node('Mul', [sums, graph.scalar(-0.5)]), graph.floats([0.1, 0.2, 0.3, 0.4])]);
      return graph.node('ReduceMax', [graph.node('Add', [graph.scalar(2), least])], { axes: [1], keepdims: 0 });
    }),
  ));

describe('products of an image and of its bounds with the same weights, in one pass', () => {
  /** Written in the order in which screen.onnx has them: the image's to the end, then those of centre and radius. */
  const joined = (from: number, to: number, ofBounds: (graph: GraphBuilder, kernel: string) => string) =>
    compare(
      graphOf([1, from, 1], (graph, weight) => {
        const flat = graph.node('Reshape', ['image', graph.ints([-1, from])]);
        const kernel = weight([from, to]);
        const x = graph.node('Relu', [graph.node('Gemm', [flat, kernel, weight([to])])]);
        const end = graph.node('Gemm', [x, weight([to, 3]), weight([3])]);
        const c = graph.node('Gemm', [graph.node('Add', [flat, graph.scalar(0.5)]), kernel, weight([to])]);
        const width = graph.node('Max', [flat, graph.scalar(0)]);
        const bounds = graph.node('Sub', [c, graph.node('Gemm', [width, ofBounds(graph, kernel), weight([to])])]);
        return graph.node('Add', [graph.node('Gemm', [bounds, weight([to, 3])]), end]);
      }),
    );

  it.each([
    [7, 10],
    [8, 8],
    [30, 33],
    [5, 32],
  ])('%i to %i', (from, to) => joined(from, to, (graph, kernel) => graph.node('Abs', [kernel])));

  it('but not where all three are with W', () => joined(9, 12, (_, kernel) => kernel));

  it('are values computed by hand', () => {
    const { kernels, allocate, floats } = createHeap(module);
    const put = (values: number[]) => {
      const address = allocate(values.length);
      floats(address, values.length).set(values);
      return address;
    };
    const eight = (a: number, b: number) => [a, b, 0, 0, 0, 0, 0, 0];
    // Biases, then the rows (1, -2) and (-3, 4).
    const weights = put([...eight(0.5, -0.5), ...eight(1, -2), ...eight(-3, 4)]);
    const [centre, absolute] = [put(eight(1, -1)), put(eight(0.1, 0.2))];
    const results = [allocate(8), allocate(8), allocate(8)] as const;
    kernels.multiplyWithBounds(put([1, 2]), put([2, 1]), put([0.5, 0.25]), 2, weights, centre, absolute, 1, ...results);
    expect(results.map((address) => [...floats(address, 2)])).toEqual([[-4.5, 5.5], [0, -1], [1.35, 2.2].map(Math.fround)]);
  });
});

it('values of one size are taken as one vector', () =>
  compare(
    graphOf([1, 7, 1], (graph, weight) => {
      const flat = graph.node('Reshape', ['image', graph.ints([-1, 7])]);
      const other = graph.node('Add', [flat, weight([7])]);
      return graph.node('Max', [graph.node('Mul', [flat, other]), graph.node('Sub', [other, flat])]);
    }),
  ));

it('sigmoid is right where exp has no room, and keeps NaN', () => {
  const { kernels, allocate, floats } = createHeap(module);
  const values = [-1000, -100, -88, -20, -1, -1e-8, 0, 0.5, 3, 17, 88, 100, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
  const at = allocate(values.length);
  floats(at, values.length).set(values);
  kernels.sigmoid(at, values.length);
  floats(at, values.length).forEach((value, i) => {
    const exact = 1 / (1 + Math.exp(-(values[i] as number)));
    if (Number.isNaN(exact)) expect(value).toBeNaN();
    else expect(Math.abs(value - exact)).toBeLessThan(2e-7);
  });
});

it.each([
  ['an operator', (graph: GraphBuilder) => graph.node('AveragePool', [first(graph)], { kernel_shape: [2, 2] }), /AveragePool/],
  [
    'windows that overlap',
    (graph: GraphBuilder) => graph.node('MaxPool', [first(graph)], { kernel_shape: [2, 2], strides: [1, 1] }),
    /overlap, are padded or leave pixels over/,
  ],
  [
    'windows that leave pixels over',
    (graph: GraphBuilder) => graph.node('MaxPool', [first(graph)], { kernel_shape: [3, 3], strides: [3, 3] }),
    /overlap, are padded or leave pixels over/,
  ],
  [
    'resizing by interpolation',
    (graph: GraphBuilder) =>
      graph.node('Resize', [first(graph), '', graph.floats([1, 1, 2, 2])], {
        mode: 'linear',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      }),
    /other than by repeating pixels/,
  ],
  [
    'resizing by a fraction',
    (graph: GraphBuilder) =>
      graph.node('Resize', [first(graph), '', graph.floats([1, 1, 1.5, 2])], {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      }),
    /other than by repeating pixels/,
  ],
  ['channels flattened first', (graph: GraphBuilder) => graph.node('Reshape', [first(graph), graph.ints([-1, 32])]), /channels first/],
  [
    'dilation',
    (graph: GraphBuilder, weight: (shape: number[]) => string) =>
      graph.node('Conv', [first(graph), weight([1, 2, 2, 2])], { kernel_shape: [2, 2], dilations: [2, 2] }),
    /dilated/,
  ],
  ['Abs of a value', (graph: GraphBuilder) => graph.node('Abs', [first(graph)]), /of what is no constant/],
  ['Add of constants', (graph: GraphBuilder) => graph.node('Add', [graph.scalar(1), graph.scalar(2)]), /of constants alone/],
  ['Max of one operand', (graph: GraphBuilder) => graph.node('Max', [first(graph)]), /of 1 operands/],
  ['ReduceMax of an image', (graph: GraphBuilder) => graph.node('ReduceMax', ['image'], { axes: [1], keepdims: 0 }), /of a vector/],
  [
    'a value that is used before and after its activation',
    (graph: GraphBuilder) => graph.node('Add', [graph.node('Relu', [first(graph)]), first(graph)]),
    /used elsewhere/,
  ],
])('refuses %s', (_, write, message) => {
  const { model, weights, shape } = graphOf([4, 4, 2], write);
  const compile = () => compileGraph(createHeap(module), readOnnx(model, weights), shape, CAPACITY);
  expect(compile).toThrow(UnsupportedGraphError);
  expect(compile).toThrow(message);
});

it('refuses a file that ends early', () => {
  const { model, weights } = graphOf([4, 4, 2], first);
  expect(() => readOnnx(model.subarray(0, model.length - 3), weights)).toThrow(RangeError);
});
