import { describe, expect, it } from 'vitest';
import { imageInput, inferAnswer, inferContentProblem, readInferRequest } from '../../../shared/protocol/infer-request.ts';
import { ProtocolError, type Tensor } from '../../../shared/protocol/inference-protocol.ts';

const MANY = 100;
const ONE = { name: 'x', datatype: 'FP32', shape: [2], data: [1, 2] };
const read = (json: unknown, names: readonly string[] | null = ['label', 'index'], maxValues = MANY) =>
  readInferRequest(new TextEncoder().encode(JSON.stringify(json)), null, names, maxValues);
const misfitOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    if (error instanceof ProtocolError) return [error.misfit, error.message];
  }
  return null;
};

describe('an inference request', () => {
  it('is read with all its members', () => {
    const parameters = { timeout: 5, binary_data_output: false };
    const outputs = [{ name: 'index', parameters: { binary_data: true } }, { name: 'label' }];
    const json = { id: 'a', parameters, inputs: [ONE], outputs };
    expect(read(json)).toEqual({
      ...{ json, id: 'a', parameters },
      inputs: [{ ...ONE, data: Float32Array.of(1, 2) }],
      outputs: [
        { name: 'index', binary: true },
        { name: 'label', binary: false },
      ],
    });
  });

  it('wants all outputs, in JSON, where it says nothing', () => {
    const both = [
      { name: 'label', binary: false },
      { name: 'index', binary: false },
    ];
    for (const json of [{ inputs: [ONE] }, { inputs: [ONE], outputs: [] }, { id: null, parameters: null, inputs: [ONE], outputs: null }]) {
      const request = read(json);
      expect(request.outputs).toEqual(both);
      expect(request.parameters).toEqual({});
      expect(request).not.toHaveProperty('id');
    }
    expect(read({ inputs: [ONE] }, null).outputs).toEqual([]);
  });

  it.each([
    [true, undefined, true],
    [true, false, false],
    [false, true, true],
    ['true', undefined, false],
    [true, 'true', false],
    [true, null, true],
  ])('with binary_data_output %j and binary_data %j wants a binary output: %s', (binary_data_output, binary_data, binary) => {
    const json = { parameters: { binary_data_output }, inputs: [ONE], outputs: [{ name: 'label', parameters: { binary_data } }] };
    expect(read(json).outputs).toEqual([{ name: 'label', binary }]);
  });

  it('may ask for outputs that only another server knows', () => {
    expect(read({ inputs: [ONE], outputs: [{ name: 'other' }] }, null).outputs).toEqual([{ name: 'other', binary: false }]);
  });

  it('is refused with the reason', () => {
    expect(() => readInferRequest(new Uint8Array(0), null, [], MANY)).toThrow('the body is empty; an inference request is needed');
    expect(() => read({ inputs: [] })).toThrow(/^the request does not follow the protocol: .*inputs/s);
    expect(() => read({ inputs: [ONE], outputs: [{ name: 'label' }, { name: 'other' }] })).toThrow(
      'there is no output other; there are label, index',
    );
    expect(misfitOf(() => read({ inputs: [ONE] }, null, 3))).toEqual(['count', expect.stringMatching(/too large/)]);
  });
});

describe('the input of a model of images', () => {
  const input = { height: 2, width: 1, channels: 1 as const };
  const image = (shape: number[], data = new Float32Array(shape.reduce((a, b) => a * b, 1)), name = 'image'): Tensor => ({
    ...{ name, shape, data, datatype: 'FP32' },
  });

  it('is returned if it fits, to the largest number of images and both ends of [0, 1]', () => {
    const tensor = image([2, 2, 1, 1], Float32Array.of(0, 1, 0.5, 0));
    expect(imageInput([tensor], input, 2)).toBe(tensor);
  });

  it.each<[string, Tensor[], string, RegExp]>([
    ['there is none', [], 'form', /^one input is needed: image, FP32$/],
    ['there are two', [image([1, 2, 1, 1]), image([1, 2, 1, 1])], 'form', /^one input is needed/],
    ['it has another name', [image([1, 2, 1, 1], undefined, 'x')], 'form', /^one input is needed/],
    ['it is of another type', [{ name: 'image', datatype: 'BYTES', shape: [1, 2, 1, 1], data: [] }], 'form', /^one input is needed/],
    ['it is turned', [image([1, 1, 2, 1])], 'size', /^image has shape \[1, 1, 2, 1\]; \[N, 2, 1, 1\] is needed, N at least 1$/],
    ['it has a dimension less', [image([1, 2, 1])], 'size', /shape \[1, 2, 1\]/],
    ['it has no dimension', [image([], Float32Array.of(1))], 'size', /shape \[\]/],
    ['it has no images', [image([0, 2, 1, 1])], 'size', /N at least 1/],
    ['it has more images than are allowed', [image([3, 2, 1, 1])], 'count', /^image holds 3 images; at most 2 .*Send several requests\.$/],
    ['a value is above 1', [image([1, 2, 1, 1], Float32Array.of(0, 1.01))], 'value', /^value 1 of image is 1\.0[\d]*; every value must/],
    ['a value is below 0', [image([1, 2, 1, 1], Float32Array.of(-0.1, 0))], 'value', /^value 0 of image is -0\.1/],
    ['a value is not a number', [image([1, 2, 1, 1], Float32Array.of(0, Number.NaN))], 'value', /^value 1 of image is NaN/],
  ])('is refused if %s', (_, tensors, misfit, message) => {
    expect(misfitOf(() => imageInput(tensors, input, 2))).toEqual([misfit, expect.stringMatching(message)]);
  });
});

describe('the answer to an inference request', () => {
  const index: Tensor = { name: 'index', datatype: 'INT64', shape: [1], data: BigInt64Array.of(3n) };
  const label: Tensor = { name: 'label', datatype: 'BYTES', shape: [1], data: ['3'] };
  const answer = (id: string | undefined, ...outputs: { name: string; binary: boolean }[]) =>
    inferAnswer({ index, label }, { ...(id === undefined ? {} : { id }), outputs }, { model: 'screen', version: '7' });

  it('has the wanted outputs in their order, each as it is wanted', () => {
    expect(answer('a', { name: 'label', binary: true }, { name: 'index', binary: false })).toEqual({
      json: {
        ...{ id: 'a', model_name: 'screen', model_version: '7' },
        outputs: [
          { name: 'label', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 5 } },
          { name: 'index', datatype: 'INT64', shape: [1], data: [3] },
        ],
      },
      binary: [Uint8Array.of(1, 0, 0, 0, 0x33)],
    });
  });

  it('has no id where the request has none, but an empty one', () => {
    expect(answer(undefined).json).not.toHaveProperty('id');
    expect(answer('').json).toHaveProperty('id', '');
  });
});

it.each([
  ['', null],
  ['application/json', null],
  ['Application/JSON ; charset=utf-8', null],
  ['application/octet-stream', null],
  ['image/png; x=y', 'content-type is image/png; application/json or application/octet-stream is needed'],
  ['x'.repeat(200), `content-type is ${'x'.repeat(100)}; application/json or application/octet-stream is needed`],
])('says what is wrong with the content type %j of an inference request', (type, problem) => {
  expect(inferContentProblem(type)).toBe(problem);
});
