import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inferRequestSchema, ProtocolError, splitBody, type Tensor } from '../../../shared/protocol/inference-protocol.ts';
import { binaryOf, jsonOf, readTensors } from '../../../shared/protocol/tensors.ts';

const MANY = 1_000_000;
const name = fc.string({ minLength: 1 });
const shaped = <T>(item: fc.Arbitrary<T>) =>
  fc.tuple(fc.nat(3), fc.nat(4)).chain(([rows, columns]) =>
    fc.record({
      name,
      shape: fc.constant<number[]>([rows, columns]),
      values: fc.array(item, { minLength: rows * columns, maxLength: rows * columns }),
    }),
  );
const fp32 = shaped(fc.float({ noNaN: true })).map(
  ({ values, ...rest }): Tensor => ({ ...rest, datatype: 'FP32', data: Float32Array.from(values) }),
);
const finiteFp32 = shaped(fc.float({ noNaN: true, noDefaultInfinity: true })).map(
  // JSON has no negative zero.
  ({ values, ...rest }): Tensor => ({ ...rest, datatype: 'FP32', data: Float32Array.from(values, (value) => value + 0) }),
);
const int64 = (item: fc.Arbitrary<bigint>) =>
  shaped(item).map(({ values, ...rest }): Tensor => ({ ...rest, datatype: 'INT64', data: BigInt64Array.from(values) }));
const anyInt64 = int64(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
const safeInt64 = int64(fc.maxSafeInteger().map(BigInt));
const strings = shaped(fc.string({ unit: 'grapheme' })).map(
  ({ values, ...rest }): Tensor => ({ ...rest, datatype: 'BYTES', data: values }),
);

describe('tensors', () => {
  it('go through JSON and back', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(finiteFp32, safeInt64, strings), { maxLength: 4 }), (tensors) => {
        const text = new TextEncoder().encode(JSON.stringify({ inputs: tensors.map(jsonOf) }));
        const { json, binary } = splitBody(text, null, MANY);
        expect(readTensors((json as { inputs: ReturnType<typeof jsonOf>[] }).inputs, binary)).toEqual(tensors);
      }),
    );
  });

  it('go through the binary extension and back, at any offset, beside tensors in JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(fp32, anyInt64, strings), fc.boolean()), { maxLength: 4 }), (drawn) => {
        const items = drawn.map(([tensor, asJson]) => {
          const inJson = asJson && tensor.datatype === 'BYTES';
          const bytes = inJson ? new Uint8Array(0) : binaryOf(tensor);
          const { name, datatype, shape } = tensor;
          return { bytes, json: inJson ? jsonOf(tensor) : { name, datatype, shape, parameters: { binary_data_size: bytes.length } } };
        });
        const head = new TextEncoder().encode(JSON.stringify({ inputs: items.map(({ json }) => json) }));
        const body = Uint8Array.from([...head, ...items.flatMap(({ bytes }) => [...bytes])]);
        const { json, binary } = splitBody(body, String(head.length), MANY);
        const read = readTensors((json as { inputs: ReturnType<typeof jsonOf>[] }).inputs, binary);
        expect(read).toEqual(drawn.map(([tensor]) => tensor));
      }),
    );
  });

  it('of BYTES behind the JSON are text where they are UTF-8, else bytes', () => {
    const items = ['é', '', '\ufeffx', Uint8Array.of(0x89, 0x50), Uint8Array.of(0xff, 0xd8, 0xff)];
    const bytes = binaryOf({ name: 'x', datatype: 'BYTES', shape: [5], data: items });
    const tensor = { name: 'x', datatype: 'BYTES' as const, shape: [5], parameters: { binary_data_size: bytes.length } };
    const [read] = readTensors([tensor], bytes);
    expect(read?.data).toEqual(items);
    expect(() => jsonOf(read as Tensor)).toThrow(/can't be written as JSON/);
  });

  it('are read nested as their shape, never deeper', () => {
    const tensor = (data: unknown[]) => readTensors([{ name: 'x', datatype: 'FP32', shape: [2, 1], data }], new Uint8Array(0))[0]?.data;
    expect(tensor([[1], [2]])).toEqual(Float32Array.of(1, 2));
    expect(tensor([1, 2])).toEqual(Float32Array.of(1, 2));
    expect(() => tensor([[[[1]]], [2]])).toThrow(ProtocolError);
  });

  it.each<[string, object, number[], RegExp]>([
    ['too few values', { datatype: 'FP32', shape: [3], data: [1] }, [], /1 values for shape \[3\], which holds 3/],
    ['no data', { datatype: 'FP32', shape: [1] }, [], /neither data nor binary_data_size/],
    ['strings for numbers', { datatype: 'FP32', shape: [1], data: ['1'] }, [], /must hold numbers only/],
    ['null for a number', { datatype: 'FP32', shape: [1], data: [null] }, [], /must hold numbers only/],
    ['a fraction for INT64', { datatype: 'INT64', shape: [1], data: [1.5] }, [], /whole numbers only/],
    ['a size beyond the bytes', { datatype: 'FP32', shape: [1], parameters: { binary_data_size: 4 } }, [0], /does not fit the 1 bytes/],
    ['a size that is no number', { datatype: 'FP32', shape: [1], parameters: { binary_data_size: '4' } }, [0, 0, 0, 0], /does not fit/],
    ['bytes that belong to none', { datatype: 'FP32', shape: [0], data: [] }, [0], /1 bytes follow that belong to no tensor/],
    ['half a float', { datatype: 'FP32', shape: [1], parameters: { binary_data_size: 2 } }, [0, 0], /needs 4/],
    [
      'more elements than its shape',
      { datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 8 } },
      [0, 0, 0, 0, 0, 0, 0, 0],
      /more BYTES elements than its shape holds, 1/,
    ],
    ['fewer elements', { datatype: 'BYTES', shape: [2], parameters: { binary_data_size: 4 } }, [0, 0, 0, 0], /has 1 BYTES elements/],
    ['very many elements', { datatype: 'BYTES', shape: [4097], parameters: { binary_data_size: 4 } }, [0, 0, 0, 0], /at most 4096/],
    ['a string beyond the end', { datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 4 } }, [9, 0, 0, 0], /reaches beyond/],
  ])('%s is refused', (_, tensor, bytes, message) => {
    const { inputs } = inferRequestSchema.parse({ inputs: [{ name: 'x', ...tensor }] });
    expect(() => readTensors(inputs, Uint8Array.from(bytes))).toThrow(ProtocolError);
    expect(() => readTensors(inputs, Uint8Array.from(bytes))).toThrow(message);
  });

  it('INT64 beyond what JSON numbers hold is not written as JSON', () => {
    expect(() => jsonOf({ name: 'x', datatype: 'INT64', shape: [1], data: BigInt64Array.of(2n ** 53n) })).toThrow(ProtocolError);
  });
});

describe('a request', () => {
  it('of any bytes and any header length is read or refused by a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.option(fc.string()), (body, length) => {
        try {
          splitBody(body, length, MANY);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });

  it('of any JSON is read or refused by a ProtocolError, its inputs whatever', () => {
    const input = fc.record(
      {
        name,
        datatype: fc.constantFrom('FP32', 'INT64', 'BYTES', 'FP64'),
        shape: fc.array(fc.integer()),
        data: fc.array(fc.jsonValue()),
        parameters: fc.dictionary(fc.constantFrom('binary_data_size', 'other'), fc.jsonValue()),
      },
      { requiredKeys: ['name', 'datatype', 'shape'] },
    );
    fc.assert(
      fc.property(fc.record({ inputs: fc.array(input) }), fc.uint8Array(), (json, binary) => {
        const parsed = inferRequestSchema.safeParse(json);
        if (!parsed.success) return;
        try {
          readTensors(parsed.data.inputs, binary);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });

  it.each(['', '-1', '1.5', '0x2', ' 2', '3', '99999999999999999999', 'NaN'])('a header length of %j is refused', (length) => {
    expect(() => splitBody(new TextEncoder().encode('{}'), length, MANY)).toThrow(/whole number from 0 to the body's 2 bytes/);
  });

  it('of a million wrong inputs gets one short message', () => {
    const parsed = inferRequestSchema.safeParse({ inputs: new Array(1_000_000).fill(1) });
    expect(parsed.error?.issues).toHaveLength(1);
  });
});
