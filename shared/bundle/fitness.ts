import { CHECKS } from './fitness-checks.ts';
import { type Figures, figuresOf, type Judged } from './fitness-figures.ts';
import type { Fitness, Reason } from './fitness-schema.ts';
import type { Screening } from './screening-schema.ts';

/**
 * Judges whether a model is fit to deploy. This is the only place that decides it.
 *
 * A figure is held against its bound with its 95 % interval: it speaks against the model if the whole interval is beyond the bound, and is
 * as good as not measured if the bound lies within the interval. The verdict is `not fit` if anything speaks against the model, else
 * `unknown, because not measured` if error, classes, nonsense, unknown images or reconstruction are not measured, else `fit to deploy`.
 *
 * Attacks never make a model unfit. As published, the method falls to every attacker who has the weights, and it is still of use to all
 * who only want unknown images and nonsense kept out. So attacks that succeed or were not measured are a limit: what not to rely on. The
 * same holds for conditions under which nearly everything is rejected, as rejection is the safe side.
 */
export function fitness(figures: Figures): Fitness {
  const order = ['against', 'unmeasured', 'limit'];
  const reasons = CHECKS.flatMap((check) => check(figures)).sort((a, b) => order.indexOf(a.effect) - order.indexOf(b.effect));
  const has = (effect: Reason['effect']) => reasons.some((reason) => reason.effect === effect);
  return { verdict: has('against') ? 'not fit' : has('unmeasured') ? 'unknown, because not measured' : 'fit to deploy', reasons };
}

/** Judges a bundle, or a run before its export. */
export const fitnessOf = (judged: Judged): Fitness => fitness(figuresOf(judged));

/**
 * Returns the reasons that keep a bundle from a use: all that speak against it, but for those that it remembers as accepted by `--force`.
 * Trying out (the active model, `pnpm dev`) is what a trial is for, so only a wrong label in ten keeps it from that.
 */
export function barring(bundle: Judged & Pick<Screening, 'forced'>, use: 'try' | 'deploy'): Reason[] {
  const forced = (bundle.forced ?? []).map(({ of }) => of);
  return fitnessOf(bundle).reasons.filter(
    ({ of, effect }) => effect === 'against' && !forced.includes(of) && (use === 'deploy' || !bundle.trial || of === 'error'),
  );
}

/** Returns the bundle as one that remembers that its reasons against deploying were accepted. */
export function withForced<B extends Judged & Pick<Screening, 'forced'>>(bundle: B): B {
  const forced = fitnessOf(bundle).reasons.flatMap(({ effect, of, what }) => (effect === 'against' ? [{ of, what }] : []));
  return forced.length > 0 ? { ...bundle, forced } : bundle;
}
