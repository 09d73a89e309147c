import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInProcess } from './run-in-process.ts';

const root = join(import.meta.dirname, '../..');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'screen-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** `pnpm screen` with these arguments; the model is the committed one, whatever is active. */
async function screen(args: string[], model = 'models/mnist') {
  const { code, out, err } = await runInProcess('screen', ['--model', model, ...args]);
  return { code, out, err, lines: out.split('\n').filter(Boolean) };
}

const digits = async () =>
  (await readdir(join(root, 'test/samples'))).filter((file) => /^digit-.*\.png$/.test(file)).map((file) => `test/samples/${file}`);

describe('pnpm screen', () => {
  it('takes real digits for what they are, in order', async () => {
    const files = await digits();
    const { code, lines, err } = await screen(['--json', ...files]);
    expect([code, err]).toEqual([0, '']);
    const verdicts = lines.map((line) => JSON.parse(line) as { file: string; verdict: string; label?: string });
    expect(verdicts.map(({ file }) => file)).toEqual(files);
    const accepted = verdicts.filter(({ verdict }) => verdict === 'accepted');
    for (const { file, label } of accepted) expect(label, file).toBe(/digit-(.)/.exec(file)?.[1]);
    expect(accepted.length).toBeGreaterThanOrEqual(9);
  });

  it('explains with the reason and the sha256 of the tensor', async () => {
    const { lines } = await screen(['--json', '--explain', 'test/samples/digit-7-a.png']);
    const tensors = JSON.parse(await readFile(join(root, 'test/samples/tensors.json'), 'utf8'));
    const { explain } = JSON.parse(lines[0] as string);
    expect(explain).toMatchObject({ reason: null, nearest: '7', tensor: tensors['digit-7-a.png'] });
    expect((await screen(['test/samples/digit-7-a.png'])).out).toBe('test/samples/digit-7-a.png: accepted as 7\n');
  });

  it('names each file it cannot use on standard error, screens the others, and ends with 1', async () => {
    const [empty, text, cut] = ['empty.png', 'text.png', 'cut.png'].map((name) => join(folder, name)) as [string, string, string];
    await writeFile(empty, '');
    await writeFile(text, 'no image');
    const whole = await readFile(join(root, 'test/samples/digit-7-a.png'));
    await writeFile(cut, whole.subarray(0, whole.length - 40));
    const bomb = join(folder, 'bomb.png');
    const header = Buffer.from(whole);
    header.writeUInt32BE(60_000, 16);
    header.writeUInt32BE(60_000, 20);
    await writeFile(bomb, header);
    const missing = join(folder, 'missing.png');
    const { code, lines, err } = await screen([empty, text, cut, bomb, missing, 'test/samples/digit-7-a.png']);
    expect([code, lines]).toEqual([1, ['test/samples/digit-7-a.png: accepted as 7']]);
    const errors = err.trimEnd().split('\n');
    expect(errors).toHaveLength(5);
    for (const [i, [file, why]] of [
      [empty, /The file is empty/],
      [text, /of an unknown kind/],
      [cut, /The PNG is cut off or damaged: it is cut off/],
      [bomb, /60000 x 60000; at most 2097152 pixels/],
      [missing, /ENOENT/],
    ].entries() as Iterable<[number, [string, RegExp]]>) {
      expect(errors[i]).toContain(`${file}: `);
      expect(errors[i]).toMatch(why);
    }
  });

  it('refuses a bundle with a changed threshold or graph: one line, exit code 1', async () => {
    const copy = join(folder, 'bundle');
    await cp(join(root, 'models/mnist'), copy, { recursive: true });
    const whole = await readFile(join(copy, 'screen.onnx'));
    await writeFile(join(copy, 'screen.onnx'), whole.with(100, (whole[100] as number) ^ 1));
    const graph = await screen(['test/samples/digit-7-a.png'], copy);
    expect([graph.code, graph.out, graph.err]).toEqual([1, '', expect.stringMatching(/^error: screen\.onnx was changed.*\n$/)]);
    await writeFile(join(copy, 'screen.onnx'), whole);
    const text = await readFile(join(copy, 'screening.json'), 'utf8');
    await writeFile(
      join(copy, 'screening.json'),
      text.replace(/("maxLatentDistance": \[\s*)(\d)/, (_, head, digit) => head + ((Number(digit) % 9) + 1)),
    );
    const threshold = await screen(['test/samples/digit-7-a.png'], copy);
    expect([threshold.code, threshold.out, threshold.err]).toEqual([
      1,
      '',
      expect.stringMatching(/^error: screening\.json was changed.*\n$/),
    ]);
  });

  it('wrong use ends with 2, help with 0', async () => {
    expect(await screen([])).toMatchObject({ code: 2, err: expect.stringContaining("missing required argument 'files'") });
    expect(await screen(['a.png'], 'nowhere')).toMatchObject({ code: 2, err: expect.stringMatching(/there is no model nowhere; .*mnist/) });
    expect(await screen(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('Examples:') });
  });
});
