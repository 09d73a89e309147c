/** A tensor that the graph holds. Whole numbers are kept as floats: no shape or index comes near 2^24. */
export interface Constant {
  shape: number[];
  values: Float32Array;
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

type Field = { number: number; value: number; bytes: Uint8Array };

const utf8 = new TextDecoder();

/**
 * Reads nodes, initializers and the names of the outputs of an ONNX file, by the field numbers of onnx.proto.
 *
 * @param weights content of the one file of external data
 * @throws RangeError if the bytes end within a value
 */
export function readOnnx(model: Uint8Array, weights: Uint8Array): OnnxGraph {
  const graph = fieldsOf(model).find(({ number }) => number === 7);
  if (!graph) throw new RangeError('the ONNX file has no graph');
  const fields = fieldsOf(graph.bytes);
  const all = (number: number) => fields.filter((field) => field.number === number);
  return {
    nodes: all(1).map(({ bytes }) => nodeOf(fieldsOf(bytes))),
    constants: new Map(all(5).map(({ bytes }) => constantOf(fieldsOf(bytes), weights))),
    outputs: all(12).map(({ bytes }) => textOf(fieldsOf(bytes), 1)),
  };
}

function nodeOf(fields: Field[]): OnnxNode {
  const texts = (number: number) => fields.filter((field) => field.number === number).map(({ bytes }) => utf8.decode(bytes));
  const attributes = fields.filter(({ number }) => number === 5).map(({ bytes }) => attributeOf(fieldsOf(bytes)));
  return { op: textOf(fields, 4), inputs: texts(1), output: texts(2)[0] ?? '', attributes: Object.fromEntries(attributes) };
}

function attributeOf(fields: Field[]): [name: string, value: number | number[] | string] {
  const name = textOf(fields, 1);
  const single = fields.find(({ number }) => number === 3);
  if (single) return [name, single.value];
  if (fields.some(({ number }) => number === 4)) return [name, textOf(fields, 4)];
  return [name, fields.filter(({ number }) => number === 8).flatMap(integersOf)];
}

function constantOf(fields: Field[], weights: Uint8Array): [name: string, constant: Constant] {
  const of = (number: number) => fields.filter((field) => field.number === number);
  const shape = of(1).flatMap(integersOf);
  const external = Object.fromEntries(
    of(13).map(({ bytes }) => {
      const entry = fieldsOf(bytes);
      return [textOf(entry, 1), textOf(entry, 2)];
    }),
  );
  const name = textOf(fields, 8);
  if (external.offset !== undefined) return [name, { shape, values: floatsOf(weights, Number(external.offset), Number(external.length)) }];
  const floats = of(4).flatMap(({ bytes }) => Array.from(floatsOf(bytes, 0, bytes.length)));
  const integers = of(7).flatMap(integersOf);
  return [name, { shape, values: Float32Array.from(floats.length > 0 ? floats : integers) }];
}

function floatsOf(bytes: Uint8Array, offset: number, length: number): Float32Array {
  if (offset + length > bytes.byteLength) throw new RangeError('a tensor of the ONNX file ends beyond its weights');
  // A copy, because its place need not be a multiple of four.
  return new Float32Array(new Uint8Array(bytes.subarray(offset, offset + length)).buffer);
}

function textOf(fields: Field[], number: number): string {
  const field = fields.find((candidate) => candidate.number === number);
  return field ? utf8.decode(field.bytes) : '';
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
