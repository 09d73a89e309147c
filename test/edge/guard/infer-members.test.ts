import { describe, expect, it } from 'vitest';
import { requestProblem } from '../../../edge/guard/infer-members.ts';
import { inferRequestSchema } from '../../../shared/protocol/inference-protocol.ts';

const INPUT = { name: 'file', datatype: 'BYTES', shape: [1], data: ['AAAA'] };
const OUTPUT = { name: 'class' };

/** Says what is wrong with a request that follows the schema. */
const problemOf = (request: object, compared = false) => {
  const json = { inputs: [INPUT], ...request };
  expect(inferRequestSchema.safeParse(json).success).toBe(true);
  return requestProblem(json, compared);
};
const withInput = (more: object) => ({ inputs: [{ ...INPUT, ...more }] });

describe('an inference request may be forwarded', () => {
  it.each<[string, object]>([
    ['with its input alone', {}],
    ['with null for what is left out', { id: null, parameters: null, outputs: null, ...withInput({ parameters: null }) }],
    ['with every member that is forwarded', { id: 'a', model_name: 'm', outputs: [{ ...OUTPUT, parameters: null }, OUTPUT] }],
    ['with every parameter', { parameters: { binary_data_output: true, timeout: 1, priority: null, content_type: 'np' } }],
    ['with the parameters of its input', withInput({ data: null, parameters: { binary_data_size: 8, content_type: 'base64' } })],
    ['with data and null for its binary size', withInput({ parameters: { binary_data_size: null, content_type: 'str' } })],
    ['with the parameters of an output', { outputs: [{ ...OUTPUT, parameters: { binary_data: false, classification: 3 } }] }],
    ['with a string of 256 characters', { parameters: { timeout: 'x'.repeat(256) } }],
  ])('%s', (_, request) => {
    expect(problemOf(request)).toBeNull();
  });

  it('where labels are compared, if it chooses no outputs', () => {
    expect(problemOf({ id: 'a', parameters: { timeout: 1, binary_data_output: null }, outputs: null }, true)).toBeNull();
  });
});

describe('an inference request may not be forwarded', () => {
  const chosen = /^it chooses outputs, or binary ones; .*\(AGREEMENT_POINTER\)\. Leave out outputs and binary_data_output$/;
  it.each<[string, object, RegExp, boolean?]>([
    [
      'with a second input',
      { inputs: [INPUT, INPUT] },
      /^it has 2 inputs; one is needed: image, FP32 \[N, H, W, C\], or file, BYTES \[N\]$/,
    ],
    ['with data in two places', withInput({ parameters: { binary_data_size: 0 } }), /^its input has data both in the JSON and after it;/],
    ['with outputs where labels are compared', { outputs: [OUTPUT] }, chosen, true],
    ['with an empty list of outputs there', { outputs: [] }, chosen, true],
    ['with binary outputs there', { parameters: { binary_data_output: true } }, chosen, true],
    ['with no binary outputs there', { parameters: { binary_data_output: false } }, chosen, true],
    ['with another codec', { parameters: { content_type: 'pd' } }, /^its content_type is another codec; only np, base64, str are allowed$/],
    ['with another codec of its input', withInput({ parameters: { content_type: 'pillow_image' } }), /another codec/],
    [
      'with a member more',
      { instances: 1 },
      /^its top level has "instances"; only id, model_name, parameters, inputs, outputs are forwarded$/,
    ],
    ['with a member more in its input', withInput({ extra: 1 }), /^its input has "extra"; only name, datatype, shape, parameters, data /],
    [
      'with a member more in a later output',
      { outputs: [OUTPUT, { ...OUTPUT, extra: 1 }] },
      /^its output has "extra"; only name, parameters /,
    ],
    ['with another parameter', { parameters: { other: 1 } }, /^its request's parameters has "other"; only binary_data_output, timeout, /],
    ['with another parameter of its input', withInput({ parameters: { other: 1 } }), /^its input's parameters has "other"/],
    ['with another parameter of an output', { outputs: [{ ...OUTPUT, parameters: { other: 1 } }] }, /^its output's parameters has "other"/],
    [
      'with a list for a parameter',
      { parameters: { timeout: [1] } },
      /^its request's parameter timeout is not a number, a boolean or a string of at most 256 characters$/,
    ],
    [
      'with an object for a parameter of its input',
      withInput({ parameters: { binary_data_size: {} }, data: null }),
      /input's parameter binary/,
    ],
    ['with a long string', { parameters: { timeout: 'x'.repeat(257) } }, /request's parameter timeout is not/],
    [
      'with a list for a parameter of an output',
      { outputs: [{ ...OUTPUT, parameters: { binary_data: [] } }] },
      /^its output's parameter binary/,
    ],
    ['with a long name, which is cut', { ['k'.repeat(200)]: 1 }, /^its top level has "k{100}"; only/],
  ])('%s', (_, request, problem, compared = false) => {
    expect(problemOf(request, compared)).toMatch(problem);
  });
});
