import { gzipSync } from 'node:zlib';
import { type Built, base64, INFER, type Pictures } from './built.ts';

/** Inference requests that a server may understand otherwise than the screen. */
export function inferShapes({ a, b }: Pictures): Built[] {
  const [A, B] = [base64(a), base64(b)];
  const input = (data: unknown, more: object = {}) => ({ name: 'file', datatype: 'BYTES', shape: [1], data, ...more });
  const json = (
    name: string,
    value: unknown,
    headers: [string, string][] = [['Content-Type', 'application/json']],
    path = INFER,
  ): Built => ({
    name,
    group: 'infer',
    protocol: 'v2',
    path,
    headers,
    bytes: Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  });
  const file = (more: object = {}, request: object = {}) => ({ inputs: [input([A], more)], ...request });
  const text = JSON.stringify(file());
  return [
    json('as it should be', text),
    json('two inputs file', { inputs: [input([A]), input([B])] }),
    json('a second input of another name', { inputs: [input([A]), input([B], { name: 'image' })] }),
    json('a second input of numbers', {
      inputs: [input([A]), { name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], data: Array(784).fill(0) }],
    }),
    json('image of BYTES', { inputs: [input([A], { name: 'image' })] }),
    json('another name', { inputs: [input([A], { name: 'other' })] }),
    json('inputs twice', `{"inputs":[${JSON.stringify(input([A]))}],"inputs":[${JSON.stringify(input([B]))}]}`),
    json('inputs twice, one with an escape', `{"inputs":[${JSON.stringify(input([A]))}],"inpu\\u0074s":[${JSON.stringify(input([B]))}]}`),
    json('data twice', `{"inputs":[{"name":"file","datatype":"BYTES","shape":[1],"data":["${A}"],"data":["${B}"]}]}`),
    json('name twice', `{"inputs":[{"name":"other","name":"file","datatype":"BYTES","shape":[1],"data":["${A}"]}]}`),
    json('datatype twice', `{"inputs":[{"name":"file","datatype":"UINT8","datatype":"BYTES","shape":[1],"data":["${A}"]}]}`),
    json('shape [1, 1]', file({ shape: [1, 1] })),
    json('shape [1, 1, 1]', file({ shape: [1, 1, 1] })),
    json('shape [2] with one', file({ shape: [2] })),
    json('shape [1] with two', { inputs: [input([A, B])] }),
    json('shape [2]', { inputs: [input([A, B], { shape: [2] })] }),
    json('shape [1, 2]', { inputs: [input([A, B], { shape: [1, 2] })] }),
    json('shape [0]', { inputs: [input([], { shape: [0] })] }),
    json('shape [-1]', file({ shape: [-1] })),
    json('shape ["1"]', file({ shape: ['1'] })),
    json('shape []', file({ shape: [] })),
    json('nested data', { inputs: [input([[A]])] }),
    json('data nested otherwise', { inputs: [input([[A], B], { shape: [2, 1] })] }),
    json('data that is a text', { inputs: [input(A)] }),
    json('data that is null', { inputs: [input(null)] }),
    json('data of null', { inputs: [input([null])] }),
    json('bytes', file({ datatype: 'bytes' })),
    json('STRING', file({ datatype: 'STRING' })),
    json('UINT8', { inputs: [{ name: 'file', datatype: 'UINT8', shape: [a.length], data: [...a] }] }),
    json('FP32 of texts', file({ datatype: 'FP32' })),
    json('FP64', { inputs: [{ name: 'image', datatype: 'FP64', shape: [1, 28, 28, 1], data: Array(784).fill(0) }] }),
    json('FP16', { inputs: [{ name: 'image', datatype: 'FP16', shape: [1, 28, 28, 1], data: Array(784).fill(0) }] }),
    json('channels first', { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 1, 28, 28], data: Array(784).fill(0) }] }),
    ...['base64', 'str', 'np', 'pd', 'json', 'pillow', '', 'image/png'].map((type) =>
      json(`content_type ${JSON.stringify(type)} of the input`, file({ parameters: { content_type: type } })),
    ),
    json('content_type of the request', file({}, { parameters: { content_type: 'pd' } })),
    json(
      'shared memory for data',
      file({ parameters: { shared_memory_region: 'r', shared_memory_offset: 0, shared_memory_byte_size: 10 } }),
    ),
    json(
      'shared memory for outputs',
      file({}, { outputs: [{ name: 'seen', parameters: { shared_memory_region: 'r', shared_memory_byte_size: 9 } }] }),
    ),
    json('shared memory of CUDA', file({ parameters: { cuda_shared_memory_region: 'r' } })),
    json('headers as a parameter', file({}, { parameters: { headers: { 'content-type': 'x' } } })),
    json('a binary_data_size beside data', file({ parameters: { binary_data_size: 0 } })),
    json('raw_input_contents', file({}, { raw_input_contents: [B] })),
    json('contents as gRPC has them', file({ contents: { bytes_contents: [B] } })),
    json('instances', file({}, { instances: [{ b64: B }] })),
    json('another model', file({}, { model_name: 'other', model_version: '7' })),
    json('sequences', file({}, { parameters: { sequence_id: 1, sequence_start: true } })),
    json('__proto__', `{"__proto__":{"inputs":[${JSON.stringify(input([B]))}]},"inputs":[${JSON.stringify(input([A]))}]}`),
    json('optional members that are null', file({ parameters: null }, { id: null, parameters: null, outputs: null })),
    json('an id of odd characters', file({}, { id: '"},"inputs":[]' })),
    json('UTF-16', Buffer.from(text, 'utf16le')),
    json('a byte order mark', `\ufeff${text}`),
    json('two documents', `${text}${text.replace(A, B)}`),
    json('gzip, said', gzipSync(text), [
      ['Content-Type', 'application/json'],
      ['Content-Encoding', 'gzip'],
    ]),
    json('gzip, not said', gzipSync(text)),
    json('gzip said, not done', text, [
      ['Content-Type', 'application/json'],
      ['Content-Encoding', 'gzip'],
    ]),
    json('no Content-Type', text, []),
    json('octets, without a length', text, [['Content-Type', 'application/octet-stream']]),
    json('a text', text, [['Content-Type', 'text/plain']]),
    json('charset UTF-7', text, [['Content-Type', 'application/json; charset=utf-7']]),
    json('a form', text, [['Content-Type', 'multipart/form-data; boundary=x']]),
    json('two in base64, with padding between', { inputs: [input([`${A.replaceAll('=', '')}==${B}`])] }),
    json('both images in one base64', { inputs: [input([Buffer.concat([a, b]).toString('base64')])] }),
    json('the file as Latin-1', { inputs: [input([a.toString('latin1')])] }),
    json('a data: URI', { inputs: [input([`data:image/png;base64,${A}`])] }),
    ...[
      '/v2/models/classifier/versions/1/infer',
      '/v2/models/other/infer',
      '/v2/models/classifier/infer/',
      '/v2//models/classifier/infer',
      '/v2/models/%63lassifier/infer',
      '/v2/models/classifier%2Finfer',
      '/v2/models/x/../classifier/infer',
      '/v2/models/classifier/infer?model=other',
      '/v2/models/classifier/versions/..%2f..%2fother/infer',
      '/guard',
    ].map((path) => json(`at ${path}`, text, undefined, path)),
    ...binaryShapes(a, b),
  ];
}

/** The binary tensor extension: lengths that do not fit, and both ways at once. */
function binaryShapes(a: Buffer, b: Buffer): Built[] {
  const element = (bytes: Uint8Array, length = bytes.length) => {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(length);
    return Buffer.concat([head, bytes]);
  };
  const made = (name: string, binary: Buffer, { size = binary.length, more = {}, length = 0, said }: BinaryOptions = {}): Built => {
    const input = { name: 'file', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: size }, ...more };
    const head = Buffer.from(JSON.stringify({ inputs: [input] }));
    const headers = [said ?? String(head.length + length)]
      .flat()
      .map((each): [string, string] => ['Inference-Header-Content-Length', each]);
    return {
      name: `binary: ${name}`,
      group: 'infer',
      protocol: 'v2',
      path: INFER,
      headers: [['Content-Type', 'application/octet-stream'], ...headers],
      bytes: Buffer.concat([head, binary]),
    };
  };
  const A = Buffer.from(base64(a));
  return [
    made('base64', element(A)),
    made('the file itself', element(a)),
    made('two elements of one', Buffer.concat([element(a), element(b)])),
    made('two elements', Buffer.concat([element(a), element(b)]), { more: { shape: [2] } }),
    made('bytes behind the tensor', Buffer.concat([element(a), element(b)]), { size: element(a).length }),
    made('a size too large', element(a), { size: element(a).length + 100 }),
    made('a size too small', element(a), { size: element(a).length - 100 }),
    made('an element longer than the tensor', element(a, a.length + 4)),
    made('an element shorter', element(a, a.length - 4)),
    made('an element of length -1', element(a, 0xffffffff)),
    made('data in the JSON too', element(a), { more: { data: [base64(b)] } }),
    made('a size of 0', Buffer.alloc(0), { size: 0 }),
    made('a header length one too large', element(a), { length: 1 }),
    made('a header length one too small', element(a), { length: -1 }),
    made('a header length of 0', element(a), { said: '0' }),
    made('a header length of a sign', element(a), { said: '+10' }),
    made('a header length in hexadecimal', element(a), { said: '0x80' }),
    made('two header lengths', element(a), { said: ['100', '101'] }),
    made('no header length', element(a), { said: [] }),
    made('little size as a text', element(a), { more: { parameters: { binary_data_size: String(element(a).length) } } }),
  ];
}

interface BinaryOptions {
  size?: number;
  more?: object;
  /** Added to the header's length. */
  length?: number;
  said?: string | string[];
}
