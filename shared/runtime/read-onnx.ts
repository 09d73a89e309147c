/** A tensor that the graph holds. Whole numbers are kept as floats: no shape or index comes near 2^24. */
export interface Constant {
  shape: number[];
  values: Float32Array;
  /** The constant whose absolute values these are. */
  absoluteOf?: Constant;
}

export interface OnnxNode {
  op: string;
  inputs: string[];
  output: string;
  /** Whole numbers, lists of them, and texts; no operator of the runtime needs others. */
  attributes: Record<string, number | number[] | string>;
}

export interface OnnxGraph {
  nodes: OnnxNode[];
  constants: Map<string, Constant>;
  outputs: string[];
}

/** A field of a protobuf message: a whole number, or the bytes of anything else. */
type Field = { number: number; value: number; bytes: Uint8Array };
type Message = ReturnType<typeof messageOf>;

const utf8 = new TextDecoder();

/**
 * Reads nodes, initializers and the names of the outputs of an ONNX file, by the field numbers of onnx.proto.
 *
 * @param weights content of the one file of external data
 * @throws RangeError if the bytes end within a value
 */
export function readOnnx(model: Uint8Array, weights: Uint8Array): OnnxGraph {
  const [graph] = messageOf(model).messages(7);
  if (!graph) throw new RangeError('the ONNX file has no graph');
  return {
    nodes: graph.messages(1).map(nodeOf),
    constants: new Map(graph.messages(5).map((tensor) => constantOf(tensor, weights))),
    outputs: graph.messages(12).map((value) => value.text(1)),
  };
}

function nodeOf(node: Message): OnnxNode {
  const attributes = Object.fromEntries(node.messages(5).map((attribute) => [attribute.text(1), attributeOf(attribute)]));
  return { op: node.text(4), inputs: node.texts(1), output: node.text(2), attributes };
}

function attributeOf(attribute: Message): number | number[] | string {
  const [integer] = attribute.integers(3);
  return integer ?? attribute.texts(4)[0] ?? attribute.integers(8);
}

function constantOf(tensor: Message, weights: Uint8Array): [name: string, constant: Constant] {
  const [name, shape] = [tensor.text(8), tensor.integers(1)];
  const external = Object.fromEntries(tensor.messages(13).map((entry) => [entry.text(1), entry.text(2)]));
  if (external.offset !== undefined) return [name, { shape, values: floatsOf(weights, Number(external.offset), Number(external.length)) }];
  const floats = tensor.bytes(4).flatMap((bytes) => Array.from(floatsOf(bytes, 0, bytes.length)));
  return [name, { shape, values: Float32Array.from(floats.length > 0 ? floats : tensor.integers(7)) }];
}

function floatsOf(bytes: Uint8Array, offset: number, length: number): Float32Array {
  if (offset + length > bytes.byteLength) throw new RangeError('a tensor of the ONNX file ends beyond its weights');
  // A copy, because its place need not be a multiple of four.
  return new Float32Array(new Uint8Array(bytes.subarray(offset, offset + length)).buffer);
}

/** Reads the fields of a message by their numbers; a field that is absent has no values, and the empty text. */
function messageOf(message: Uint8Array) {
  const fields = fieldsOf(message);
  const bytes = (number: number) => fields.flatMap((field) => (field.number === number ? [field.bytes] : []));
  const texts = (number: number) => bytes(number).map((text) => utf8.decode(text));
  return {
    bytes,
    texts,
    text: (number: number) => texts(number)[0] ?? '',
    integers: (number: number) => fields.filter((field) => field.number === number).flatMap(integersOf),
    messages: (number: number) => bytes(number).map(messageOf),
  };
}

/** Reads whole numbers, packed or single. */
function integersOf({ bytes, value }: Field): number[] {
  if (bytes.length === 0) return [value];
  const cursor = { at: 0 };
  const values: number[] = [];
  while (cursor.at < bytes.length) values.push(varint(bytes, cursor));
  return values;
}

/** Splits a message of protobuf's wire format into its fields. */
function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  const cursor = { at: 0 };
  while (cursor.at < message.length) {
    const key = varint(message, cursor);
    const wire = key & 7;
    const field: Field = { number: key >>> 3, value: 0, bytes: new Uint8Array(0) };
    if (wire === 0) field.value = varint(message, cursor);
    else {
      const length = wire === 2 ? varint(message, cursor) : wire === 5 ? 4 : 8;
      if (cursor.at + length > message.length) throw new RangeError('the ONNX file ends within a value');
      field.bytes = message.subarray(cursor.at, cursor.at + length);
      cursor.at += length;
    }
    fields.push(field);
  }
  return fields;
}

/** Reads a number in base 128, least significant digit first: 64 bits, two's complement. */
function varint(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new RangeError('the ONNX file ends within a number');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return Number(BigInt.asIntN(64, value));
  }
}
