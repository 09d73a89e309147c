import { fgsm } from '../attacks/fgsm.ts';
import { nonsense } from '../evaluate/nonsense.ts';
import { oneHotMeans } from '../shared/mixture.ts';
import { randomFrom } from '../shared/random.ts';
import { type Dataset, imagesAt, labelsAt } from '../trainer/data/dataset.ts';
import type { Model } from '../trainer/model/build-model.ts';

export interface DemoSet {
  name: string;
  images: Float32Array[];
  labels: number[];
  /** The paper's figures for this row, where it has any. */
  paper: string;
}

/** Share of the rejected images that Eq. 9 wins back in the paper (table 2), per epsilon. */
const PAPER_FGSM = { 0.06: 97, 0.12: 93, 0.18: 91, 0.24: 87, 0.3: 87 };

export const CLEAN = 1000;
const ATTACKED = 100;
const NONSENSE = 100;

/** What the demo screens: clean test digits, the same under FGSM, and images of nothing. */
export function demoSets(model: Model, dataset: Dataset, seed: number): DemoSet[] {
  const size = dataset.input.height * dataset.input.width * dataset.input.channels;
  const random = randomFrom(seed, 'demo');
  const chosen = random.shuffle(Array.from({ length: dataset.test.count }, (_, i) => i)).slice(0, CLEAN);
  const each = (values: Float32Array) => Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
  const labels = labelsAt(dataset.test, chosen);
  const clean = imagesAt(dataset.test, chosen);
  const victim = { encoder: model.encoder, means: oneHotMeans(dataset.classes.length, model.encoder.outputs[0]?.shape[1] as number) };
  const { height, width, channels } = dataset.input;
  const some = { images: clean.slice(0, ATTACKED * size), labels: labels.slice(0, ATTACKED) };
  return [
    { name: 'clean test digits', images: each(clean), labels, paper: '97.97 / 0.22 / 1.81' },
    ...Object.entries(PAPER_FGSM).map(([eps, wonBack]) => ({
      name: `FGSM, epsilon ${eps}`,
      images: each(fgsm(victim, some.images, [ATTACKED, height, width, channels], some.labels, Number(eps))),
      labels: some.labels,
      paper: `wins back ${wonBack} % of the rejected`,
    })),
    ...Object.entries(nonsense).map(([name, make]) => ({
      name,
      images: Array.from({ length: NONSENSE }, () => make(dataset.input, random)),
      labels: new Array(NONSENSE).fill(-1),
      paper: '',
    })),
  ];
}
