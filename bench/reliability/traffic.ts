import type { Random } from '../../shared/random.ts';
import { badShots } from './bad-traffic.ts';
import type { Classifier } from './classifier.ts';
import type { Sample } from './images.ts';
import type { Kind, Shot } from './kind.ts';
import type { Answer, Sending } from './send.ts';
import { type Said, verdictProblem } from './verdict.ts';

/** The requests to the worker under load. */
export function trafficOf(samples: readonly Sample[], classifier: Classifier): Kind[] {
  const pick = (random: Random, of = samples) => of[random.integer(0, of.length - 1)] as Sample;
  const some = (random: Random, count: number) => Array.from({ length: count }, () => pick(random));
  const pngs = samples.filter(({ type }) => type === 'image/png');
  const jpegs = samples.filter(({ type }) => type === 'image/jpeg');
  const one = ({ file, type, offline, found }: Sample, path = '/screen'): Shot => ({
    sending: { path, headers: { 'content-type': type }, body: file },
    expected: [200],
    verdicts: (answer) => [verdictProblem(JSON.parse(answer.body.toString()) as Said, { offline, found })],
  });
  const results = (chosen: readonly Sample[]) => (answer: Answer) => {
    const { results } = JSON.parse(answer.body.toString()) as { results: Said[] };
    return chosen.map((sample, i) => verdictProblem(results[i], sample));
  };
  return [
    { name: 'png', weight: 30, timed: true, make: (random) => one(pick(random, pngs)) },
    { name: 'jpeg', weight: 10, timed: true, make: (random) => one(pick(random, jpegs)) },
    {
      name: 'float32',
      weight: 12,
      timed: true,
      make: (random) => {
        const sample = pick(random);
        const shot = one(sample);
        return {
          ...shot,
          sending: { path: '/screen', headers: { 'content-type': 'application/octet-stream' }, body: bytesOf(sample.tensor) },
        };
      },
    },
    {
      name: 'json batch of 4',
      weight: 6,
      timed: true,
      make: (random) => {
        const chosen = some(random, 4);
        const images = chosen.map(({ file, tensor }, i) => (i === 3 ? { pixels: [...tensor] } : { image: file.toString('base64') }));
        return { sending: jsonTo('/screen', { images }), expected: [200], verdicts: results(chosen) };
      },
    },
    {
      name: 'form of 3',
      weight: 5,
      timed: true,
      make: (random) => {
        const chosen = some(random, 3);
        return { sending: { path: '/screen', ...formOf(chosen) }, expected: [200], verdicts: results(chosen) };
      },
    },
    {
      name: 'v2 json',
      weight: 5,
      timed: true,
      make: (random) => {
        const chosen = some(random, 2);
        const input = { name: 'image', datatype: 'FP32', shape: [2, 28, 28, 1], data: chosen.flatMap(({ tensor }) => [...tensor]) };
        return { sending: jsonTo('/v2/models/screen/infer', { inputs: [input] }), expected: [200], verdicts: inferVerdicts(chosen) };
      },
    },
    {
      name: 'v2 binary',
      weight: 4,
      timed: true,
      make: (random) => {
        const chosen = some(random, 1);
        const input = { name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], parameters: { binary_data_size: 3136 } };
        const head = Buffer.from(JSON.stringify({ inputs: [input] }));
        const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(head.length) };
        const body = Buffer.concat([head, ...chosen.map(({ tensor }) => bytesOf(tensor))]);
        return { sending: { path: '/v2/models/screen/infer', headers, body }, expected: [200], verdicts: inferVerdicts(chosen) };
      },
    },
    {
      name: 'guard',
      weight: 10,
      timed: true,
      make: (random) => {
        const sample = pick(random);
        const { accepted, label, near } = sample.offline;
        const agreed = classifier.classify(sample.tensor) === label;
        const status = accepted && agreed ? 200 : 422;
        return {
          sending: { path: '/guard', headers: { 'content-type': sample.type }, body: sample.file },
          expected: near ? [200, 422] : [status],
          verdicts: (answer) => [answer.status === status ? null : near ? 'near' : `guard answered ${answer.status}, not ${status}`],
        };
      },
    },
    {
      name: 'slow, in time',
      weight: 2,
      timed: false,
      make: (random) => {
        const shot = one(pick(random));
        return { ...shot, sending: { ...shot.sending, trickle: { pieces: 10, pauseMs: 120 } } };
      },
    },
    ...badShots((random) => one(pick(random))),
  ];
}

function inferVerdicts(chosen: readonly Sample[]) {
  return (answer: Answer) => {
    const { outputs } = JSON.parse(answer.body.toString()) as { outputs: { name: string; data: string[] }[] };
    const column = (name: string) => outputs.find((output) => output.name === name)?.data ?? [];
    const [verdicts, labels] = [column('verdict'), column('label')];
    return chosen.map((sample, i) => verdictProblem({ verdict: verdicts[i], label: labels[i] }, sample));
  };
}

function formOf(chosen: readonly Sample[]): { headers: Record<string, string>; body: Buffer } {
  const boundary = 'portcullis-load-7d1f';
  const parts = chosen.flatMap(({ file, type }, i) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="f${i}"; filename="f${i}"\r\nContent-Type: ${type}\r\n\r\n`),
    file,
    Buffer.from('\r\n'),
  ]);
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
  };
}

const jsonTo = (path: string, json: object): Sending => ({
  path,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(json)),
});

const bytesOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
