import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { modelCard } from '../../../shared/bundle/model-card.ts';
import { parseScreening } from '../../../shared/bundle/open-bundle.ts';

const screeningOf = async (name: string) =>
  parseScreening(await readFile(join(import.meta.dirname, `../../../models/${name}/screening.json`), 'utf8'));

it.each(['mnist', 'coil100'])('the card of models/%s is what its screening.json says', async (name) => {
  const card = await readFile(join(import.meta.dirname, `../../../models/${name}/README.md`), 'utf8');
  expect(card).toBe(modelCard(await screeningOf(name)));
});

it('a card says how the model was trained, and what its images allow', async () => {
  const screening = await screeningOf('mnist');
  const { provenance } = screening;
  const of = (change: object) => modelCard({ ...screening, provenance: { ...provenance, ...change } });
  const training = {
    ...provenance.training,
    labelsPerClass: 100,
    latentWeight: 400.00001,
    outliers: 0.125,
    architecture: { entropy: 'variable' },
  };
  expect(of({ training })).toContain(
    '| training | semi-supervised (Eq. 7 with 100 labels per class, Eq. 3 on the other images), variable entropy, latent weight 400, ' +
      '12.5 % unknown images added (outlier exposure) |',
  );
  expect(of({ training: undefined })).not.toContain('\n| training |');
  expect(of({ dataset: 'coil-100' })).toContain('available for research purposes');
  expect(of({ dataset: 'svhn' })).toContain('non-commercial use only');
  expect(of({ dataset: 'images' })).toContain('The images of images belong to their makers');
});
