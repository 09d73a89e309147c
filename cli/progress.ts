import { SingleBar } from 'cli-progress';
import type { Step } from '../trainer/fit.ts';

/**
 * Shows training: a bar on a terminal, a plain line every `everySeconds` elsewhere. Both give images/s, the parts of the loss
 * and the time left.
 */
export function trainingProgress(stream: NodeJS.WriteStream, everySeconds = 10) {
  const started = performance.now();
  let images = 0;
  let said = started;
  let [steps, before] = [0, 0];
  const bar = stream.isTTY
    ? new SingleBar({ stream, format: '{bar} {percentage}% | epoch {epoch} | {rate} images/s | {losses} | {left} left', hideCursor: true })
    : null;
  const shown = (step: Step) => {
    const seconds = (performance.now() - started) / 1000;
    return {
      epoch: step.epoch,
      rate: Math.round(images / seconds),
      losses: `loss ${step.total.toFixed(1)} = reconstruction ${step.reconstruction.toFixed(1)} + weighted latent ${(step.total - step.reconstruction).toFixed(1)}`,
      // Of a resumed training only the steps of this process took this time.
      left: duration((seconds / (step.step - before)) * (step.steps - step.step)),
    };
  };
  return {
    step(step: Step): void {
      if (steps++ === 0) before = step.step - 1;
      if (bar && images === 0) bar.start(step.steps, 0, shown(step));
      images += step.images;
      if (bar) bar.update(step.step, shown(step));
      else if (performance.now() - said > everySeconds * 1000) {
        said = performance.now();
        const { epoch, rate, losses, left } = shown(step);
        stream.write(`epoch ${epoch}, step ${step.step} of ${step.steps}, ${rate} images/s, ${losses}, ${left} left\n`);
      }
    },
    /** A line that stays. */
    line(text: string): void {
      bar?.stop();
      stream.write(`${text}\n`);
      if (bar) images = 0;
    },
    stop(): void {
      bar?.stop();
    },
  };
}

/** 75 → `1m 15s` */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m ${whole % 60}s`;
}
