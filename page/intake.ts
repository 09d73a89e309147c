import type { Remote } from 'comlink';
import type { ImageInput } from '../library/images.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import type { Engine } from './engine/engine.ts';
import type { ChosenAttack } from './view/attack-panel.ts';
import { listenForCamera } from './view/camera.ts';
import { byId } from './view/element.ts';
import { listenForFiles } from './view/files.ts';
import { openPad } from './view/pad.ts';
import { paintImage } from './view/pictures.ts';
import { drawnSamples, loadSamples, type Sample, showSamples, unpress } from './view/samples.ts';

/** An image as it was given. */
export interface Given {
  image: ImageInput;
  /** Gives the file that the worker is sent; by default that is the model's own input. */
  file?: () => Promise<Blob | null>;
  /** Index of its class: null for none, undefined if it is not known. */
  truth?: number | null;
}

/**
 * Opens every way to give an image: the pad, a file, the clipboard, the camera and the samples, of which the first is taken at once.
 *
 * @param take is called with each image, and the attack that belongs to it; returns whether it is shown
 * @param trouble shows why an image can't be had
 */
export async function openIntake(
  engine: Remote<Engine>,
  screening: Screening,
  take: (given: Given, attack?: ChosenAttack) => Promise<boolean>,
  trouble: (why: unknown) => void,
): Promise<void> {
  const given = (work: Promise<void>) => void work.catch(trouble);
  const takeFile = async (file: Blob) => {
    unpress();
    pad.clear();
    // The browser decodes only what was read: a file may say of itself that it is a terabyte.
    if (!(await take({ image: file, file: async () => file }))) return;
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (bitmap) pad.show(bitmap, bitmap.width, bitmap.height);
    bitmap?.close();
  };
  const takeCanvas = async (canvas: HTMLCanvasElement) => {
    unpress();
    const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) as ImageData;
    const file = () => new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    await take({ image: pixels, file });
  };
  const takeSample = async (sample: Sample) => {
    unpress();
    const canvas = document.createElement('canvas');
    paintImage(canvas, sample.image, screening.input);
    pad.show(canvas, canvas.width, canvas.height);
    await take({ image: sample.image, truth: sample.label }, sample.attack);
  };
  const pad = openPad(screening, (canvas) => given(takeCanvas(canvas)));
  byId('clear', HTMLButtonElement).onclick = () => {
    unpress();
    pad.clear();
  };
  listenForFiles(await engine.accept, (file) => given(takeFile(file)), trouble);
  listenForCamera((picture) => {
    pad.show(picture, picture.width, picture.height);
    given(takeCanvas(picture));
  }, trouble);
  const show = (samples: readonly Sample[]) => showSamples(samples, screening.input, (sample) => given(takeSample(sample)));
  const samples = await loadSamples(screening);
  show(samples);
  // The page is drawn once before.
  await new Promise((resolve) => setTimeout(resolve));
  byId('samples', HTMLElement).querySelector('button')?.click();
  // Of a model without samples of its data set one genuine image is known.
  if (samples.filter(({ group }) => group === 'clean').length === 1)
    show(await drawnSamples(screening, (latents) => engine.decode(latents)));
}
