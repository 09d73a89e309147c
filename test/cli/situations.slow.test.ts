import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runInProcess } from './run-in-process.ts';

/** Situations of a new user (docs/situations.md), by real commands in an empty folder. One training serves all tests. */
let root: string;
/** The output of that training. */
let trained: Said;

interface Said {
  code: number | null;
  out: string;
}

function run(command: string, ...more: string[]): Promise<Said> {
  const [name, ...args] = command.split(' ');
  const cli = join(import.meta.dirname, '../../cli', `${name}.ts`);
  const child = spawn(process.execPath, [cli, ...args, ...more], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      out += text;
    });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out })));
}

/** Runs a command that ends at once within this process, which is faster. */
function runHere(command: string) {
  const [name, ...args] = command.split(' ') as [string, ...string[]];
  return runInProcess(name, args, root);
}

let drawn = 0;
/** Draws a disc of one colour on grey, each at another place. */
function disc(colour: string, scale = 1) {
  const [width, height, n] = [40 * scale, 30 * scale, drawn++];
  const at = `cx="${scale * (10 + ((n * 7) % 20))}" cy="${scale * (8 + ((n * 5) % 14))}" r="${scale * (5 + (n % 3))}"`;
  const background = `<rect width="${width}" height="${height}" fill="#ddd"/>`;
  return sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${background}<circle ${at} fill="${colour}"/></svg>`,
    ),
  );
}

const CLASSES = { 'Äpfel & Birnen': '#c33', 'n02,b "x"': '#3c3' };
const IMAGES = 'train --data images --image-size 16 --backend wasm --threads 1 --epochs 1';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
  for (const [split, count] of Object.entries({ train: 60, val: 10, test: 30 }))
    for (const [name, colour] of Object.entries(CLASSES)) {
      const folder = join(root, 'photos', split, name);
      await mkdir(folder, { recursive: true });
      for (let i = 0; i < count; i++)
        await disc(colour)
          .webp()
          .toFile(join(folder, `${i}.webp`));
    }
  await disc('#c33')
    .tiff()
    .toFile(join(root, 'photos/train', 'Äpfel & Birnen', 'scan.tif'));
  // A phone's: 12 megapixels, turned by its EXIF.
  await disc('#c33', 100)
    .jpeg()
    .withMetadata({ orientation: 6 })
    .toFile(join(root, 'photos/train', 'Äpfel & Birnen', 'IMG_1.JPG'));
  await mkdir(join(root, 'unknown'));
  for (let i = 0; i < 60; i++)
    await disc('#33c')
      .png()
      .toFile(join(root, 'unknown', `${i}.png`));
  await mkdir(join(root, 'flat'));
  for (let i = 0; i < 3; i++)
    await disc('#33c')
      .png()
      .toFile(join(root, 'flat', `${i}.png`));
  trained = await run(`${IMAGES} --data-dir photos --alpha 0.2 --name mine --unknown-dir unknown`);
}, 300_000);
afterAll(() => rm(root, { recursive: true }));

it("ImageNet's layout, WebP, odd names of classes and a phone's photo train; of a TIFF it is said that clients can't send it", () => {
  expect(trained).toMatchObject({ code: 0, out: expect.stringMatching(/1 image \(1 TIFF\) can be trained on, but the worker reads/) });
  expect(trained.out).toMatch(/sizes differ: 40 x 30 to 3000 x 4000/);
  expect(trained.out).toMatch(/on 60 test images: /);
});

it('the verdict after the training counts the unknown images that get in, and speaks against the model', () => {
  expect(trained.out).toMatch(/\d+\.\d+ % \(95 %: .*\) of \d+: your own unknown images \(own\)/);
  expect(trained.out).toMatch(/verdict: not fit\n {2}against /);
  expect(trained.out).toMatch(
    /against +Unknown images are accepted: .*; at most 20 % may be. Train with such images: --unknown-dir FOLDER/,
  );
});

it('an unfit bundle is written, but what pnpm wrangler deploy takes stays another, and that is named', async () => {
  expect(await run('export')).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      /not made the active model, because it is not fit.*\npnpm dev and pnpm wrangler deploy still take models\/mnist\n$/,
    ),
  });
}, 120_000);

it('the files that it was trained on can be screened, names of classes and all; other kinds are refused with what to do', async () => {
  const files = ['photos/train/Äpfel & Birnen/IMG_1.JPG', 'photos/test/n02,b "x"/1.webp', 'photos/train/Äpfel & Birnen/scan.tif'];
  await writeFile(join(root, 'photo.heic'), Buffer.concat([Buffer.from('\0\0\0\x18ftypheic'), Buffer.alloc(40)]));
  const { code, out } = await run('screen --model mine --csv verdicts.csv', ...files, 'photo.heic', 'gone.png');
  expect([code, out]).toEqual([
    1,
    expect.stringMatching(/scan.tif: The file is of the kind TIFF.* Convert it.*\n(.*\n)*gone.png: there is no such file/),
  ]);
  expect(out).toMatch(/photo.heic: The file is of the kind HEIC.*let the phone take JPEGs/);
  const [, phone, second] = (await readFile(join(root, 'verdicts.csv'), 'utf8')).split('\r\n');
  expect(phone).toMatch(/^photos\/train\/Äpfel & Birnen\/IMG_1.JPG,(accepted|rejected),/);
  expect(second).toMatch(/^"photos\/test\/n02,b ""x""\/1.webp",(accepted|rejected),/);
}, 120_000);

it('a name of no run, and one that is taken, are wrong use; what there is is named', async () => {
  const wrong = ['export --run nine', 'report --run nine', 'calibrate --run nine', 'train --resume nine', 'runs nine'];
  for (const command of wrong)
    expect(await runHere(command)).toMatchObject({ code: 2, err: expect.stringMatching(/^error: .*nine.*There are: mine\.\n$/) });
  const taken = await run(`${IMAGES} --data-dir photos --alpha 0.2 --name mine`);
  expect(taken).toMatchObject({ code: 2, out: expect.stringContaining('runs/mine already exists. Choose another name with --name') });
}, 120_000);

it('too few images for the promise: how many are needed in all, and what these can promise', async () => {
  const { code, out } = await run(`${IMAGES} --data-dir photos --alpha 0.01 --name few`);
  expect(code).toBe(1);
  expect(out).toMatch(
    /^error: \d+ calibration images are too few .* 299 are needed \(about 1869 images in all\)\. .* an alpha of 0\.\d+ or more/m,
  );
  const [, alpha] = /an alpha of (\S+) or more/.exec(out) as unknown as [string, string];
  expect(await run(`data inspect --data images --data-dir photos --image-size 16 --no-time --alpha ${alpha}`)).toMatchObject({ code: 0 });
}, 120_000);

it.each([
  [
    'train --data-dir flat',
    2,
    /--data-dir: .*flat holds folders or images \(0.png, 1.png, 2.png, …\) and no file of mnist.* add --data images/,
  ],
  [
    'train --data images --data-dir flat',
    1,
    /flat has 0 folders; one for each class is needed, two at least. Put the images of each class in/,
  ],
  ['train --data images', 2, /--data images needs --data-dir FOLDER/],
  ['train --data images --data-dir photoz', 1, /photoz does not exist; a folder with a folder of images for each class is needed/],
])('a folder that is none of images of classes: %s', async (command, code, message) => {
  const said = await runHere(command);
  expect([said.code, said.err]).toEqual([code, expect.stringMatching(message)]);
  expect(said.err).not.toMatch(/ {4}at |0 classes \(\)/);
});
