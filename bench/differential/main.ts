import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openImageReader } from '../../node/image-reader.ts';
import { sha256 } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { DEFAULT_LIMITS } from '../../shared/images/limits.ts';
import { startCapture } from '../peers/capture.ts';
import { startGuards } from '../peers/guards.ts';
import { cacheFolder } from '../peers/python.ts';
import { startServer } from '../peers/servers.ts';
import { type Asked, ask, MODES, type Mode, type Workers } from './ask.ts';
import { differenceFrom, peerDifference, seenBy } from './compare.ts';
import { type ImageFile, imagesIn, mutatedImage } from './corpus.ts';

/**
 * Sends corpora of images, and mutants of them, through the guard of the worker as deployed, with thresholds that accept everything, and
 * compares what real peers decode from what was forwarded with what was screened: libvips and Pillow for images, Werkzeug, aiohttp and
 * FastAPI for forms. Exits with 1 if one differs; files that show it are kept in runs/differential/. How to get the corpora:
 * docs/development.md.
 *
 *   pnpm bench:differential --corpus DIR [--corpus DIR …] [--mutants 2000] [--seed 1] [--model mnist] [--cache DIR] [--figures FILE]
 */
const { values: options } = parseArgs({
  options: {
    corpus: { type: 'string', multiple: true, default: [join('test', 'samples')] },
    mutants: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    model: { type: 'string', default: 'mnist' },
    cache: { type: 'string' },
    figures: { type: 'string' },
  },
});
const [mutants, seed] = [Number(options.mutants), Number(options.seed)];
if (!Number.isInteger(mutants) || mutants < 0) throw new Error(`--mutants is ${options.mutants}; a whole number of 0 or more is needed`);
if (!Number.isInteger(seed)) throw new Error(`--seed is ${options.seed}; a whole number is needed`);
const KEEP = join('runs', 'differential');
const KEY = 'the-key-of-the-differential-test';
/** The worker's MAX_BODY_BYTES, less what a form adds. */
const LARGEST = 5 * 1024 * 1024 - 8192;
const FORM_PEERS = ['werkzeug', 'aiohttp', 'fastapi'] as const;

const corpora = await Promise.all(options.corpus.map(imagesIn));
const all = corpora.flat();
const whole = all.filter(({ bytes }) => bytes.length <= LARGEST);
const files = [...whole, ...Array.from({ length: mutants }, (_, number) => mutatedImage(whole, seed, number))];
const screening = JSON.parse(await readFile(join('models', options.model, 'screening.json'), 'utf8')) as Screening;
const readImage = await openImageReader();
const beside = await readFile(join('test', 'samples', 'digit-0-a.png'));

const cache = cacheFolder(options.cache);
const capture = await startCapture();
const closing: { close(): Promise<void> }[] = [capture];
const counts: Record<string, Record<Mode, { passed: number; equal: number; different: number }>> = {};
const refused: Record<string, number> = {};
const differences: { file: string; peer: string; mode: Mode; why: string }[] = [];
/** Number of files of each corpus that were forwarded. */
const forwarded = new Map<string, number>();
let formsRefused = 0;
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
try {
  const peers = { fastapi: '', werkzeug: '', aiohttp: '' };
  for (const name of FORM_PEERS) {
    const server = await startServer(name, cache);
    closing.push(server);
    peers[name] = server.url;
  }
  const variables = { LOG_DECISIONS: 'off', UPSTREAM_URL: capture.url };
  const workerd = await startGuards(
    options.model,
    {
      screen: { LOG_DECISIONS: 'off', KEYS: `bench:explain:${await sha256(KEY)}` },
      decoded: { ...variables, FORWARD: 'decoded' },
      screened: { ...variables, FORWARD: 'screened' },
    },
    { acceptAll: true },
  );
  closing.push(workerd);
  const { screen, decoded, screened } = workerd.urls as Record<string, string>;
  const workers: Workers = {
    screen: screen as string,
    guards: { decoded: decoded as string, screened: screened as string },
    capture,
    key: KEY,
  };
  const corpusOf = new Map(corpora.flatMap((images, i) => images.map((image) => [image, nameOf(i)] as const)));
  for (const [i, file] of files.entries()) {
    const asked = await ask(file, beside, workers);
    const corpus = corpusOf.get(file) ?? 'mutants';
    if ('forwarded' in asked.alone.decoded) forwarded.set(corpus, (forwarded.get(corpus) ?? 0) + 1);
    await compareFile(file, asked, peers);
    if ((i + 1) % 250 === 0) console.error(`${i + 1} of ${files.length} files, ${differences.length} differences`);
  }
} finally {
  for (const one of closing.reverse()) await one.close();
}

const figures = {
  command: `pnpm bench:differential ${corpora.map((_, i) => `--corpus ${nameOf(i)}`).join(' ')} --mutants ${mutants} --seed ${seed}`,
  commit,
  model: options.model,
  files: Object.fromEntries(
    [...corpora.map(({ length }, i) => [nameOf(i), length] as const), ['mutants', mutants] as const].map(([name, count]) => [
      name,
      { files: count, forwarded: forwarded.get(name) ?? 0 },
    ]),
  ),
  tooLargeToSend: all.length - whole.length,
  peers: counts,
  refused,
  formsRefusedOnly: formsRefused,
  differences: differences.length,
};
console.log(JSON.stringify(figures, null, 2));
for (const { file, peer, mode, why } of differences.slice(0, 40)) console.log(`${file}, ${peer}, FORWARD=${mode}: ${why}`);
if (options.figures) await writeFile(options.figures, `${JSON.stringify(figures, null, 2)}\n`);
if (differences.length > 0) process.exitCode = 1;

async function compareFile(file: ImageFile, asked: Asked, peers: Record<(typeof FORM_PEERS)[number], string>): Promise<void> {
  const { screened, alone, inForm } = asked;
  if ('refused' in screened) refused[screened.refused] = (refused[screened.refused] ?? 0) + 1;
  const how = { limits: DEFAULT_LIMITS, background: screening.preprocess.background };
  // The worker's reader, in Node: it must read what the worker reads, and nothing else.
  const picture = await readImage(file.bytes, how).catch((error: Error) => error);
  const inNode = picture instanceof Error ? `refused (${picture.message})` : 'read';
  const readers = `/screen says ${JSON.stringify(screened)}, in Node it is ${inNode}`;
  for (const mode of MODES) {
    const outcome = alone[mode];
    if ('refused' in outcome) {
      // The guard forwards what the screen accepts: both read alike.
      if ('tensor' in screened || !(picture instanceof Error))
        await note(file, 'the screen', mode, `${readers}, the guard ${outcome.refused}`);
      continue;
    }
    if ('refused' in screened || picture instanceof Error) {
      await note(file, 'the screen', mode, `${readers}, the guard forwards it`);
      continue;
    }
    const png = outcome.forwarded.body;
    await note(file, 'libvips', mode, await differenceFrom({ picture, tensor: screened.tensor }, png, mode, screening));
    const [seen] = await seenBy(peers.fastapi, '/body', outcome.forwarded);
    await note(file, 'Pillow', mode, await peerDifference(seen, png));
    const form = inForm[mode];
    if ('refused' in form) {
      formsRefused++;
      continue;
    }
    for (const peer of FORM_PEERS) {
      const parts = await seenBy(peers[peer], '/form', form.forwarded);
      const [first, second, ...more] = parts;
      const why =
        more.length > 0 || !second
          ? `it sees ${parts.length} files of 2: ${JSON.stringify(first).slice(0, 200)}`
          : ((await peerDifference(second, png)) ??
            (first?.width && second.field === 'second' ? null : `it sees ${JSON.stringify(parts).slice(0, 200)}`));
      await note(file, peer, mode, why);
    }
  }
}

async function note(file: ImageFile, peer: string, mode: Mode, why: string | null): Promise<void> {
  const zero = () => ({ passed: 0, equal: 0, different: 0 });
  counts[peer] ??= { decoded: zero(), screened: zero() };
  const of = counts[peer][mode];
  of.passed++;
  if (why === null) {
    of.equal++;
    return;
  }
  of.different++;
  differences.push({ file: file.name, peer, mode, why });
  await mkdir(KEEP, { recursive: true });
  await writeFile(join(KEEP, file.name.replaceAll(/[^\w.-]+/g, '_')), file.bytes);
}

function nameOf(corpus: number): string {
  return (options.corpus[corpus] as string).split('/').filter(Boolean).slice(-2).join('/');
}
