import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configOf } from '../../edge/config.ts';
import { askFallback } from '../../edge/escalation/fallback.ts';
import { float32FromBase64 } from '../../shared/bundle/float32-base64.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import { testImages } from '../edge/test-images.ts';

/**
 * Do servers that serve one reclassify.onnx answer the edge alike? Asks each with the edge's own code, which checks the answer's
 * schema, shapes, scores and model, and prints what differs.
 *
 *   [MODEL=name] [FALLBACK_TENSORS=json] node bench/fallback/compare-servers.ts URL [URL...]
 */
const COUNT = 16;
const TIMEOUT_MS = 60_000;

const screening = await parseScreening(await readFile(join('models', process.env.MODEL ?? 'mnist', 'screening.json'), 'utf8'));
const { height, width, channels } = screening.input;
const size = height * width * channels;
const test = testImages(COUNT, [height, width, channels]);
const images = [
  float32FromBase64(screening.golden.image),
  ...Array.from({ length: COUNT }, (_, i) => test.slice(i * size, (i + 1) * size)),
];

const answers = [];
for (const url of process.argv.slice(2)) {
  const started = performance.now();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const options = { fetcher: fetch, signal, headers: {}, deadline: Date.now() + TIMEOUT_MS };
  const found = await askFallback(
    images,
    screening,
    configOf({ FALLBACK_URL: url, FALLBACK_TENSORS: process.env.FALLBACK_TENSORS }),
    options,
  );
  console.log(
    `${url}: ${found.length} images in ${(performance.now() - started).toFixed(0)} ms, labels ${found.map(({ label }) => label).join(' ')}`,
  );
  answers.push(found);
}
const [first, ...others] = answers;
for (const [i, other] of others.entries()) {
  const labels = other.filter(({ label }, at) => label !== first?.[at]?.label).length;
  const worst = Math.max(
    ...other.map(({ reconstructionError }, at) => Math.abs(reconstructionError / (first?.[at]?.reconstructionError ?? 0) - 1)),
  );
  console.log(
    `${process.argv[i + 3]} differs from the first in ${labels} labels, in the reconstruction error by ${worst.toExponential(1)} at most`,
  );
}
