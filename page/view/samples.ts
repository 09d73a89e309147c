import { float32FromBase64 } from '../../shared/bundle/float32-base64.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { randomFrom } from '../../shared/random.ts';
import type { AttackName } from '../engine/attack.ts';
import { byId, element } from './element.ts';
import { paintImage } from './pictures.ts';

/** An image to pick. */
export interface Sample {
  group: 'clean' | 'drawn' | 'attacked' | 'noise' | 'unknown';
  name: string;
  /** The model's input, [H, W, C]. */
  image: Float32Array;
  /** Index of its class; null for none. */
  label: number | null;
  /** The attack that is run on it when it is picked. */
  attack?: { name: AttackName; radius: number };
}

const TITLES: Record<Sample['group'], string> = {
  clean: 'Genuine images of its classes',
  drawn: 'What the model itself draws of a class',
  attacked: 'Attacked when you pick them',
  noise: 'Noise and blank pages',
  unknown: 'Unknown: of none of its classes',
};

/** Samples as `pnpm samples` writes them: levels of 0 to 255 in base64. */
interface StoredSample extends Omit<Sample, 'image'> {
  levels: string;
}

/** Gets the samples that were built in for the model's data set; for other models, the golden image, which is a genuine one, and noise. */
export async function loadSamples(screening: Screening): Promise<Sample[]> {
  const stored = await fetch('/page/samples.json').then((response) => (response.ok ? (response.json() as Promise<StoredSample[]>) : []));
  const clean = stored.length > 0 ? stored.map(read) : madeFrom(screening);
  const first = clean.filter(({ group }) => group === 'clean').slice(0, 3);
  const attacks = [
    { name: 'fgsm', radius: 0.1 },
    { name: 'adaptive', radius: 0.2 },
  ] as const;
  const attacked = first.length === 0 ? [] : attacks.map((attack, i) => attackedSample(first[i % first.length] as Sample, attack));
  return [...clean, ...attacked];
}

const attackedSample = (sample: Sample, attack: NonNullable<Sample['attack']>): Sample => ({
  ...sample,
  group: 'attacked',
  name: `${sample.name}, attacked with ${attack.name === 'fgsm' ? 'FGSM' : 'adaptive PGD'}`,
  attack,
});

const read = ({ levels, ...sample }: StoredSample): Sample => ({
  ...sample,
  image: Float32Array.from(atob(levels), (character) => character.charCodeAt(0) / 255),
});

function madeFrom({ classes, input, golden }: Screening): Sample[] {
  const size = input.height * input.width * input.channels;
  const random = randomFrom(1, 'samples');
  const genuine: Sample = {
    ...{ group: 'clean', name: classes[golden.label] ?? '', label: golden.label },
    image: float32FromBase64(golden.image),
  };
  const noise = (name: string, value: () => number): Sample => ({
    ...{ group: 'noise', name, label: null },
    image: Float32Array.from({ length: size }, value),
  });
  return [genuine, noise('uniform noise', () => random.uniform()), noise('a blank page', () => 1)];
}

/** Draws the mean of each of the first ten classes. @param decode gives the decoder's images; a model that has none gives no samples */
export async function drawnSamples(
  { means, classes }: Screening,
  decode: (latents: Float32Array[]) => Promise<Float32Array[]>,
): Promise<Sample[]> {
  const images = await decode(means.slice(0, 10).map((mean) => Float32Array.from(mean))).catch(() => []);
  return images.map((image, y): Sample => ({ group: 'drawn', name: `${classes[y]}, drawn by the model`, image, label: y }));
}

/** Shows samples as buttons, after those that are shown. @param pick is called with the one that is pressed */
export function showSamples(samples: readonly Sample[], size: Screening['input'], pick: (sample: Sample) => void): void {
  const groups = [...new Set(samples.map(({ group }) => group))];
  const box = byId('samples', HTMLElement);
  box.append(
    ...groups.flatMap((group) => [
      element('h4', {}, TITLES[group]),
      element('ul', {}, ...samples.filter((sample) => sample.group === group).map((sample) => element('li', {}, button(sample)))),
    ]),
  );
  function button(sample: Sample): HTMLButtonElement {
    const canvas = element('canvas', { ariaHidden: 'true' });
    paintImage(canvas, sample.image, size);
    const made = element(
      'button',
      { type: 'button', title: sample.name, ariaLabel: `Sample: ${sample.name}`, ariaPressed: 'false' },
      canvas,
    );
    made.onclick = () => {
      pick(sample);
      made.ariaPressed = 'true';
    };
    return made;
  }
}

/** Marks that no sample is shown any more. */
export function unpress(): void {
  for (const pressed of byId('samples', HTMLElement).querySelectorAll('[aria-pressed="true"]')) pressed.ariaPressed = 'false';
}
