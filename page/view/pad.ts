import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { byId } from './element.ts';

const SIDE = 280;
const PEN = 22;

export interface Pad {
  /** Shows a picture that was given otherwise; drawing goes on over it. */
  show(picture: CanvasImageSource, width: number, height: number): void;
  /** Empties the pad. */
  clear(): void;
}

/**
 * Opens the pad, which shows the image that is screened and, for models of grey images, can be drawn on. The paper is the background that
 * the model was trained with, the ink as far from it as it can be.
 *
 * @param drawn is called with the drawing, as the model takes it, at most once a frame
 */
export function openPad({ input, preprocess }: Screening, drawn: (drawing: HTMLCanvasElement) => void): Pad {
  const canvas = byId('pad', HTMLCanvasElement);
  const pen = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
  const levels = [preprocess.background].flat();
  const isDark = levels.reduce((sum, level) => sum + level, 0) / levels.length < 128;
  // An inverted model was trained on light ink and is given dark ink.
  const [paper, ink] = isDark && preprocess.polarity === 'as-is' ? ['#000', '#fff'] : ['#fff', '#000'];
  const isCentred = input.width === 28 && input.height === 28;
  let waiting = false;
  let drawing = false;
  const tell = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      drawn(isCentred ? centred(canvas, pen, paper === '#000') : canvas);
    });
  };
  const clear = () => {
    pen.fillStyle = paper as string;
    pen.fillRect(0, 0, SIDE, SIDE);
  };
  clear();
  if (input.channels === 1) {
    canvas.classList.add('drawable');
    canvas.ariaLabel = 'Drawing pad. It needs a mouse or a finger; with the keyboard, pick a sample or choose a file.';
    const at = ({ clientX, clientY }: PointerEvent): [number, number] => {
      const box = canvas.getBoundingClientRect();
      return [((clientX - box.left) * SIDE) / box.width, ((clientY - box.top) * SIDE) / box.height];
    };
    canvas.onpointerdown = (event) => {
      drawing = true;
      canvas.setPointerCapture(event.pointerId);
      Object.assign(pen, { lineCap: 'round', lineJoin: 'round', lineWidth: PEN, strokeStyle: ink });
      pen.beginPath();
      pen.moveTo(...at(event));
      pen.lineTo(...at(event));
      pen.stroke();
    };
    canvas.onpointermove = (event) => {
      if (!drawing) return;
      pen.lineTo(...at(event));
      pen.stroke();
      tell();
    };
    canvas.onpointerup = canvas.onpointercancel = () => {
      drawing = false;
      tell();
    };
  }
  return {
    clear,
    show(picture, width, height) {
      clear();
      const scale = Math.min(SIDE / width, SIDE / height);
      pen.imageSmoothingEnabled = scale < 1;
      pen.drawImage(picture, (SIDE - width * scale) / 2, (SIDE - height * scale) / 2, width * scale, height * scale);
    },
  };
}

/** Returns a drawing as MNIST's digits were made: the ink scaled to 20 of 28, its centre of mass in the middle. */
function centred(canvas: HTMLCanvasElement, pen: CanvasRenderingContext2D, isDark: boolean): HTMLCanvasElement {
  const { data } = pen.getImageData(0, 0, SIDE, SIDE);
  let [left, top, right, bottom, sum, sumX, sumY] = [SIDE, SIDE, -1, -1, 0, 0, 0];
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const level = data[4 * (SIDE * y + x)] as number;
      const value = isDark ? level : 255 - level;
      if (value <= 20) continue;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
      [sum, sumX, sumY] = [sum + value, sumX + value * x, sumY + value * y];
    }
  if (right < 0) return canvas;
  const result = Object.assign(document.createElement('canvas'), { width: SIDE, height: SIDE });
  const context = result.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
  context.fillStyle = isDark ? '#000' : '#fff';
  context.fillRect(0, 0, SIDE, SIDE);
  const scale = ((20 / 28) * SIDE) / Math.max(right - left + 1, bottom - top + 1);
  context.setTransform(scale, 0, 0, scale, SIDE / 2 - (scale * sumX) / sum, SIDE / 2 - (scale * sumY) / sum);
  context.drawImage(canvas, 0, 0);
  return result;
}
