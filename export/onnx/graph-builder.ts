import proto, { type onnx } from 'onnx-proto';
import type { OnnxWriter } from '../../trainer/model/layer.ts';
import { WEIGHTS_FILE, type WeightStore } from './weight-store.ts';

type Attribute = number | string | readonly number[] | { graph: onnx.IGraphProto };

/** Builds an ONNX graph node by node. Every value has a name, which the methods return. */
export interface GraphBuilder extends OnnxWriter {
  node(op: string, inputs: readonly string[], attributes?: Record<string, Attribute>): string;
  /** Adds a node with several outputs. */
  nodes(op: string, inputs: readonly string[], outputs: number, attributes?: Record<string, Attribute>): string[];
  scalar(value: number): string;
  strings(values: readonly string[]): string;
  /** Gives a value the name of a graph output. */
  rename(value: string, name: string): string;
  /** Returns a builder for a Loop's body, whose constants and weights stand in the outer graph, once. */
  body(): GraphBuilder;
  proto(name: string, inputs: onnx.IValueInfoProto[], outputs: onnx.IValueInfoProto[]): onnx.IGraphProto;
}

// onnx-proto is a CommonJS package: its values come by the default export.
const { ModelProto, TensorProto, AttributeProto } = proto.onnx;
const { DataType } = TensorProto;
const { AttributeType } = AttributeProto;

export function createGraph(store: WeightStore, outer?: { initializers: onnx.ITensorProto[]; next: () => string }): GraphBuilder {
  const nodes: onnx.INodeProto[] = [];
  const initializers = outer?.initializers ?? [];
  let count = 0;
  const next = outer?.next ?? (() => `v${count++}`);
  const known = new Map<string, string>();
  const initializer = (key: string, tensor: onnx.ITensorProto): string => {
    const existing = known.get(key);
    if (existing) return existing;
    const name = next();
    initializers.push({ ...tensor, name });
    known.set(key, name);
    return name;
  };
  const builder: GraphBuilder = {
    node: (op, inputs, attributes = {}) => builder.nodes(op, inputs, 1, attributes)[0] as string,
    nodes(op, inputs, outputs, attributes = {}) {
      const names = Array.from({ length: outputs }, next);
      const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
      nodes.push({ opType: op, name: `${op}_${names[0]}`, input: [...inputs], output: names, attribute });
      return names;
    },
    weight(values, shape) {
      const { offset, length } = store.add(values);
      const place = { location: WEIGHTS_FILE, offset: String(offset), length: String(length) };
      const externalData = Object.entries(place).map(([key, value]) => ({ key, value }));
      const dataLocation = TensorProto.DataLocation.EXTERNAL;
      return initializer(`w ${offset} ${shape}`, { dataType: DataType.FLOAT, dims: [...shape], dataLocation, externalData });
    },
    floats: (values, shape = [values.length]) =>
      initializer(`f ${values} ${shape}`, { dataType: DataType.FLOAT, dims: [...shape], floatData: [...values] }),
    scalar: (value) => builder.floats([value], []),
    ints: (values, shape = [values.length]) =>
      initializer(`i ${values} ${shape}`, { dataType: DataType.INT64, dims: [...shape], int64Data: [...values] }),
    strings(values) {
      const stringData = values.map((text) => new TextEncoder().encode(text));
      return initializer(`s ${values}`, { dataType: DataType.STRING, dims: [values.length], stringData });
    },
    rename(value, name) {
      nodes.push({ opType: 'Identity', name: `output_${name}`, input: [value], output: [name] });
      return name;
    },
    body: () => createGraph(store, { initializers, next }),
    proto: (name, input, output) => ({ name, node: nodes, initializer: outer ? [] : initializers, input, output }),
  };
  return builder;
}

function attributeOf(name: string, value: Attribute): onnx.IAttributeProto {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if ('graph' in value) return { name, type: AttributeType.GRAPH, g: value.graph };
  return { name, type: AttributeType.INTS, ints: [...value] };
}

const elementTypes = { float: DataType.FLOAT, int64: DataType.INT64, bool: DataType.BOOL, string: DataType.STRING };

/** Describes an input or output of a graph; a dimension given by name is free. */
export function valueInfo(name: string, type: keyof typeof elementTypes, shape: readonly (number | string)[]): onnx.IValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: elementTypes[type], shape: { dim } } } };
}

/** Returns the bytes of an ONNX file with the graph: IR version 8, opset 17. */
export function modelBytes(graph: onnx.IGraphProto, metadata: Record<string, string> = {}): Uint8Array {
  const model = ModelProto.create({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    producerName: 'portcullis',
    graph,
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
  return ModelProto.encode(model).finish();
}
