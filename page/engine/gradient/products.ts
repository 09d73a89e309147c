import { compileGraph } from '../../../shared/runtime/compile-graph.ts';
import type { Heap } from '../../../shared/runtime/heap.ts';
import { sizeOf } from '../../../shared/runtime/operator.ts';
import type { Constant, OnnxNode } from '../../../shared/runtime/read-onnx.ts';
import { type Layer, type LayerRule, NoGradientError } from './layer.ts';

/** Compiles one node on the kernels as a function of [n, size of shape]. @param shape of its input, [H, W, C] or [K] */
function compileNode(heap: Heap, node: OnnxNode, constants: Map<string, Constant>, shape: number[], most: number) {
  const isImage = shape.length === 3;
  const around: OnnxNode[] = isImage
    ? [
        { op: 'Transpose', inputs: ['image'], output: 'x', attributes: { perm: [0, 3, 1, 2] } },
        { ...node, inputs: ['x', ...node.inputs.slice(1)], output: 'y' },
        { op: 'Transpose', inputs: ['y'], output: 'result', attributes: { perm: [0, 2, 3, 1] } },
      ]
    : [{ ...node, inputs: ['image', ...node.inputs.slice(1)], output: 'result' }];
  const graph = compileGraph(heap, { nodes: around, constants: new Map(constants), outputs: ['result'] }, shape, most);
  const result = graph.outputs.get('result') as NonNullable<ReturnType<typeof graph.outputs.get>>;
  const [from, to] = [sizeOf(shape), sizeOf(result.shape)];
  const run = (x: Float32Array) => {
    const images = x.length / from;
    heap.floats(graph.input.address, x.length).set(x);
    graph.run(images);
    return heap.floats(result.address, images * to).slice();
  };
  return { shape: result.shape, run };
}

/** Conv and ConvTranspose: the gradient of each is the other, with the same weights and no bias. */
const convolution =
  (transposed: boolean): LayerRule =>
  ({ heap, node, shape, constants, most }): Layer => {
    const forward = compileNode(heap, node, constants, shape, most);
    const [kernel, weights = ''] = [constants.get(node.inputs[1] ?? '')?.shape ?? [], node.inputs[1]];
    const { strides = [1, 1], pads = [0, 0, 0, 0] } = node.attributes as Record<string, number[]>;
    const other = transposed ? 'Conv' : 'ConvTranspose';
    // Rows and columns that a convolution with strides leaves over.
    const over = [0, 1].map((axis) => {
      const reached = ((forward.shape[axis] as number) - 1) * (strides[axis] as number) + (kernel[axis + 2] as number);
      return (shape[axis] as number) - (reached - (pads[axis] as number) - (pads[axis + 2] as number));
    });
    const attributes = { strides, pads, ...(transposed ? {} : { output_padding: over }) };
    const backward = compileNode(heap, { op: other, inputs: ['', weights], output: '', attributes }, constants, forward.shape, most);
    if (backward.shape.join() !== shape.join())
      throw new NoGradientError(`the gradient of ${node.op} (${node.output}) is [${backward.shape}], not [${shape}]`);
    return { shape: forward.shape, forward: forward.run, backward: (_x, _y, dy) => backward.run(dy) };
  };

/** x [K] times weights [K, n], plus a bias; its gradient multiplies by the transposed weights. */
const dense: LayerRule = ({ heap, node, shape, constants, most }) => {
  const forward = compileNode(heap, node, constants, shape, most);
  const { values, shape: kernel } = constants.get(node.inputs[1] ?? '') as Constant;
  const [length, n] = kernel as [number, number];
  const transposed = new Float32Array(values.length);
  for (let k = 0; k < length; k++) for (let j = 0; j < n; j++) transposed[j * length + k] = values[k * n + j] as number;
  const backward = compileNode(
    heap,
    { op: 'Gemm', inputs: ['', 'transposed'], output: '', attributes: {} },
    new Map([['transposed', { shape: [n, length], values: transposed }]]),
    [n],
    most,
  );
  return { shape: forward.shape, forward: forward.run, backward: (_x, _y, dy) => backward.run(dy) };
};

export const productRules: Record<string, LayerRule> = { Conv: convolution(false), ConvTranspose: convolution(true), Gemm: dense };
