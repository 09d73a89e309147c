import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { padding, pads } from './convolutions.ts';
import { allowed, ConversionError, type Converted, configOf, imageShape, type LayerConverter, pair } from './layer-conversion.ts';

/** Nearest neighbour, each pixel repeated; its gradient is the sum over each pixel's copies. */
export const upSamplingLayer: LayerConverter = (graph, layer, input) => {
  const config = configOf(layer);
  allowed(layer, 'interpolation', config.interpolation ?? 'nearest', ['nearest'] as const);
  const [height, width, channels] = imageShape(layer, input);
  const size = pair(config.size, 2);
  const resize = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  const name = graph.node('Resize', [input.name, '', graph.floats([1, 1, ...size])], resize);
  const pullback = (gradient: string) => {
    const average = graph.node('AveragePool', [gradient], { kernel_shape: size, strides: size });
    return graph.node('Mul', [average, graph.floats([size[0] * size[1]], [])]);
  };
  return { value: { name, shape: [height * size[0], width * size[1], channels] }, pullback };
};

/** No pullback: the window's winner would have to be kept, and a decoder has no use for it. */
export const maxPoolingLayer: LayerConverter = (graph, layer, input) => ({ value: pooled('MaxPool', graph, layer, input).value });

/** Each output hands an equal share of its gradient to the pixels it is the mean of; padding was not counted, and gets none. */
export const averagePoolingLayer: LayerConverter = (graph, layer, input) => {
  const { value, size, strides, vertical, horizontal } = pooled('AveragePool', graph, layer, input);
  const [height, width, channels] = imageShape(layer, input);
  const rows = inside(vertical, height, size[0], strides[0]);
  const columns = inside(horizontal, width, size[1], strides[1]);
  const pullback = (gradient: string) => {
    const shares = graph.floats(
      rows.flatMap((row) => columns.map((column) => 1 / (row * column))),
      [1, 1, rows.length, columns.length],
    );
    const ones = graph.floats(new Array<number>(channels * size[0] * size[1]).fill(1), [channels, 1, ...size]);
    return graph.node('ConvTranspose', [graph.node('Mul', [gradient, shares]), ones], {
      group: channels,
      kernel_shape: size,
      strides,
      pads: pads(vertical, horizontal),
      output_padding: [left(vertical, height, size[0], strides[0]), left(horizontal, width, size[1], strides[1])],
    });
  };
  return { value, pullback };
};

type Axis = ReturnType<typeof padding>;

/** How many pixels of the image, not of the padding, each window holds. */
function inside({ out, before }: Axis, length: number, size: number, stride: number): number[] {
  return Array.from({ length: out }, (_, i) => Math.min(i * stride - before + size, length) - Math.max(i * stride - before, 0));
}

/** Pixels at the end that the strides leave to no window. */
function left({ out, before, after }: Axis, length: number, size: number, stride: number): number {
  return length - ((out - 1) * stride + size - before - after);
}

export const globalAveragePoolingLayer: LayerConverter = (graph, layer, input) => {
  configOf(layer);
  const [height, width, channels] = imageShape(layer, input);
  const name = graph.node('ReduceMean', [input.name], { axes: [2, 3], keepdims: 0 });
  const pullback = (gradient: string) => {
    const share = graph.node('Div', [gradient, graph.floats([height * width], [])]);
    const pixel = graph.node('Reshape', [share, graph.ints([-1, channels, 1, 1])]);
    return graph.node('Expand', [pixel, graph.ints([1, 1, height, width])]);
  };
  return { value: { name, shape: [channels] }, pullback };
};

/** Windows of pixels, without a pullback. */
function pooled(
  op: 'MaxPool' | 'AveragePool',
  graph: GraphBuilder,
  layer: Parameters<LayerConverter>[1],
  input: Parameters<LayerConverter>[2],
): Converted & { size: [number, number]; strides: [number, number]; vertical: Axis; horizontal: Axis } {
  const config = configOf(layer);
  const [height, width, channels] = imageShape(layer, input);
  const size = pair(config.poolSize, 2);
  const strides = pair(config.strides ?? size, 2);
  const kind = allowed(layer, 'padding', config.padding, ['same', 'valid'] as const);
  const vertical = padding(kind, height, size[0], strides[0]);
  const horizontal = padding(kind, width, size[1], strides[1]);
  if (vertical.out < 1 || horizontal.out < 1)
    throw new ConversionError(`layer ${layer.name} (${op}) leaves no pixel of a ${height} x ${width} input`);
  const attributes = { kernel_shape: size, strides, pads: pads(vertical, horizontal) };
  const value = { name: graph.node(op, [input.name], attributes), shape: [vertical.out, horizontal.out, channels] };
  return { value, size, strides, vertical, horizontal };
}
