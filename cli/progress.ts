import { SingleBar } from 'cli-progress';
import type { Step } from '../trainer/fit.ts';

/**
 * Shows training: a bar on a terminal, a plain line every `everySeconds` elsewhere. Both give images/s, the parts of the loss
 * and the time left, by the steps after the first one: before that data is read and threads are started.
 */
export function trainingProgress(stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>, everySeconds = 10) {
  let first: { step: number; at: number } | null = null;
  let images = 0;
  let said = performance.now();
  let shownBar = false;
  const bar = stream.isTTY
    ? new SingleBar({
        stream: stream as NodeJS.WriteStream,
        format: '{bar} {percentage}% | epoch {epoch} | {rate} images/s | {losses} | {left} left',
        hideCursor: true,
      })
    : null;
  const shown = (step: Step, { step: since, at }: { step: number; at: number }) => {
    const seconds = (performance.now() - at) / 1000;
    // Of a resumed training only the steps of this process took this time.
    const steps = step.step - since;
    return {
      epoch: step.epoch,
      rate: steps > 0 ? Math.round(images / seconds) : '?',
      losses: `loss ${step.total.toFixed(1)} = reconstruction ${step.reconstruction.toFixed(1)} + weighted latent ${(step.total - step.reconstruction).toFixed(1)}`,
      left: steps > 0 ? duration((seconds / steps) * (step.steps - step.step)) : '?',
    };
  };
  return {
    step(step: Step): void {
      if (first) images += step.images;
      first ??= { step: step.step, at: performance.now() };
      if (bar) {
        if (!shownBar) bar.start(step.steps, 0, shown(step, first));
        shownBar = true;
        bar.update(step.step, shown(step, first));
      } else if (performance.now() - said > everySeconds * 1000) {
        said = performance.now();
        const { epoch, rate, losses, left } = shown(step, first);
        stream.write(`epoch ${epoch}, step ${step.step} of ${step.steps}, ${rate} images/s, ${losses}, ${left} left\n`);
      }
    },
    /** A line that stays. */
    line(text: string): void {
      bar?.stop();
      shownBar = false;
      stream.write(`${text}\n`);
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
