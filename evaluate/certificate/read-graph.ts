import proto, { type onnx } from 'onnx-proto';
import { UserError } from '../../shared/user-error.ts';

/** A graph has a layer without bounds, so nothing can be proven of it. The message names the layer and what is supported. */
export class CertificateError extends UserError {}

/** A tensor that the graph holds: weights, or the whole numbers of a shape. */
export interface Constant {
  shape: number[];
  values: Float64Array;
}

export interface Node {
  /** Names the layer in errors. */
  name: string;
  op: string;
  inputs: string[];
  output: string;
  /** Whole numbers and lists of them; the supported operators need no others. */
  attributes: Record<string, number | number[]>;
}

export interface Graph {
  nodes: Node[];
  constants: Map<string, Constant>;
  input: string;
  output: string;
}

/**
 * Reads a graph with one input and one output.
 *
 * @param model bytes of the ONNX file
 * @param weights content of its external data
 * @throws CertificateError where the graph is of another kind, or a tensor ends beyond the weights
 */
export function readGraph(model: Uint8Array, weights: Uint8Array): Graph {
  const { graph } = proto.onnx.ModelProto.decode(model);
  const [inputs, outputs] = [graph?.input ?? [], graph?.output ?? []];
  if (!graph || inputs.length !== 1 || outputs.length !== 1)
    throw new CertificateError(`the graph has ${inputs.length} inputs and ${outputs.length} outputs; a certificate needs one of each`);
  return {
    nodes: (graph.node ?? []).map((node) => ({
      name: node.name || `${node.opType} ${node.output?.[0]}`,
      op: node.opType ?? '',
      inputs: node.input ?? [],
      output: node.output?.[0] ?? '',
      attributes: Object.fromEntries((node.attribute ?? []).map((own) => [own.name ?? '', attributeOf(own)])),
    })),
    constants: new Map((graph.initializer ?? []).map((tensor) => [tensor.name ?? '', constantOf(tensor, weights)])),
    input: inputs[0]?.name ?? '',
    output: outputs[0]?.name ?? '',
  };
}

const attributeOf = ({ ints, i, f, type }: onnx.IAttributeProto): number | number[] =>
  ints?.length ? ints.map(Number) : type === proto.onnx.AttributeProto.AttributeType.FLOAT ? (f ?? 0) : Number(i ?? 0);

function constantOf(tensor: onnx.ITensorProto, weights: Uint8Array): Constant {
  const shape = (tensor.dims ?? []).map(Number);
  const size = shape.reduce((product, length) => product * length, 1);
  const place = Object.fromEntries((tensor.externalData ?? []).map(({ key, value }) => [key, Number(value)]));
  const { offset = 0, length = 4 * size } = place;
  const raw = tensor.externalData?.length ? weights.subarray(offset, offset + length) : tensor.rawData;
  const isFloat = tensor.dataType === proto.onnx.TensorProto.DataType.FLOAT;
  // A copy, because its place need not be a multiple of four.
  const listed = isFloat ? tensor.floatData : tensor.int64Data?.map(Number);
  const values =
    raw?.length && isFloat ? Float64Array.from(new Float32Array(Uint8Array.from(raw).buffer)) : Float64Array.from(listed ?? []);
  if (values.length !== size)
    throw new CertificateError(`the tensor ${tensor.name} holds ${values.length} values, its shape needs ${size}; export the bundle again`);
  return { shape, values };
}
