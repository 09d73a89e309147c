import type { Fitness } from '../../shared/bundle/fitness-schema.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { SCORES, testedScores } from '../../shared/score-table.ts';
import { byId, element, percent } from './element.ts';

const listed = (names: readonly string[], most: number) =>
  names.slice(0, most).join(', ') + (names.length > most ? ` and ${names.length - most} more` : '');

/** Says what the loaded model takes and promises. @param key bearer key, which may allow to hear how fit the model is to deploy */
export async function showModel(screening: Screening, key: string): Promise<void> {
  const { name, id, classes, input, preprocess, calibration, provenance, thresholds, latentDim, covariances } = screening;
  const colours = input.channels === 1 ? 'grey' : 'colour';
  const alpha = percent(calibration.alpha);
  const facts: Record<string, string> = {
    Name: name,
    Identity: id,
    Classes: `${classes.length}: ${listed(classes, 24)}`,
    'Sees images as': `${input.width} x ${input.height} pixels, ${colours}; ${FITS[preprocess.fit]}`,
    'Light and dark': preprocess.polarity === 'inverted' ? 'swapped before the model sees the image' : 'as on the image',
    Latent: `${latentDim} numbers, ${covariances.kind} covariances`,
    Tests: testedScores(thresholds)
      .map((score) => SCORES[score].title.toLowerCase())
      .join(', '),
    Promise:
      calibration.method === 'conformal'
        ? `at most ${alpha} of genuine images are rejected (with probability ${percent(1 - (calibration.delta ?? 0))} over the ${calibration.n} images that set the limits)`
        : 'none: the limits are the paper’s three-sigma ones',
    'Trained on': `${provenance.dataset}, preset ${provenance.preset}`,
  };
  const drawable = input.channels === 1;
  byId('hint', HTMLElement).textContent =
    `${drawable ? 'Draw here, or drop' : 'Drop'} or paste an image. This model knows ${listed(classes, 10)}.`;
  const fitness = await fitnessOf(key);
  if (fitness) facts.Verdict = `${fitness.verdict}. ${fitness.reasons.map(({ what }) => what).join(' ')}`;
  byId('facts', HTMLElement).replaceChildren(
    ...Object.entries(facts).flatMap(([term, value]) => [element('dt', {}, term), element('dd', {}, value)]),
  );
}

/** Returns the verdict on the model's fitness; undefined if the caller may not know. */
async function fitnessOf(key: string): Promise<Fitness | undefined> {
  const response = await fetch('/model', { headers: key ? { authorization: `Bearer ${key}` } : {} });
  return response.ok ? ((await response.json()) as { fitness?: Fitness }).fitness : undefined;
}

const FITS: Record<Screening['preprocess']['fit'], string> = {
  contain: 'others are shrunk to fit, with a border',
  cover: 'of others the middle is cut out',
  stretch: 'others are stretched',
};
