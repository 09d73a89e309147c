import { expect, it } from 'vitest';
import { orderNodes } from '../../../shared/runtime/order-nodes.ts';

const node = (op: string, inputs: string[], output: string) => ({ op, inputs, output, attributes: {} });
const constants = new Map(['W', 'V', 'b'].map((name) => [name, { shape: [1], values: new Float32Array(1) }]));
const ordered = (...nodes: ReturnType<typeof node>[]) => orderNodes({ nodes, constants, outputs: [] }).map(({ output }) => output);

it('brings products with the same weights together, each after what it reads', () => {
  const image = [node('Gemm', ['image', 'W', 'b'], 'x1'), node('Relu', ['x1'], 'x2'), node('Gemm', ['x2', 'V'], 'x3')];
  const bounds = [
    ...[node('Add', ['image', 'b'], 'c'), node('Gemm', ['c', 'W'], 'c1')],
    ...[node('Abs', ['W'], 'A'), node('Sub', ['image', 'b'], 'r'), node('Gemm', ['r', 'A'], 'r1')],
  ];
  expect(ordered(...image, ...bounds)).toEqual(['c', 'A', 'r', 'x1', 'c1', 'r1', 'x2', 'x3']);
});

it('leaves nodes that read what nothing gives for the compiler to name', () => {
  expect(ordered(node('Relu', ['missing'], 'y'), node('Sub', ['image', 'b'], 'x'), node('Add', ['y', 'x'], 'z'))).toEqual(['x', 'y', 'z']);
});
