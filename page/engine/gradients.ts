import type { Bundle } from '../../shared/bundle/open-bundle.ts';
import { DEFAULT_MIN_MARGIN, decideReclassified, type ReclassifyDecision } from '../../shared/decision/decide.ts';
import type { Scores } from '../../shared/decision/scores.ts';
import { ATTACKS, type AttackName } from './attack.ts';
import { networksOf } from './gradient/networks.ts';
import { type Explanation, searchClasses } from './search.ts';

/** The starts of a search, and the targets of an attack, go through the networks at once. */
const MOST = 11;

/** What the search came to. */
export interface SearchResult {
  scores: Scores;
  decision: ReclassifyDecision;
  explanations: Explanation[];
}

/** An attack whose result is shown, or one of a survey of all strengths: a newer one of its purpose ends the older. */
export type Purpose = 'shown' | 'survey';

/** What the page computes by gradients. Long work takes turns with whatever else is asked for. */
export interface Gradients {
  /** Attacks an image; null if a newer attack of that purpose ended it, or `drop`. */
  attack(name: AttackName, image: Float32Array, label: number, radius: number, purpose: Purpose): Promise<Float32Array | null>;
  /** Decodes latents, one after the other. @returns [n, H, W, C] */
  decode(latents: Float32Array[]): Float32Array[];
  /** Searches the classes; null if another search ended it, or `drop`. */
  search(image: Float32Array): Promise<SearchResult | null>;
  /** Ends what is running, for an image that is shown no longer. */
  drop(): void;
}

/** How long work runs before it lets a message through, in ms. */
const TURN = 25;

/** Opens a bundle's networks with their gradients. @throws NoGradientError or UnsupportedGraphError if a layer has none */
export function openGradients(kernels: WebAssembly.Module, bundle: Bundle): Gradients {
  const { screening } = bundle;
  const networks = networksOf(kernels, bundle, MOST);
  const turns = { shown: 0, survey: 0, search: 0 };
  const restOf = (work: keyof typeof turns) => {
    const own = ++turns[work];
    let since = performance.now();
    return async () => {
      if (performance.now() - since < TURN) return false;
      await letThrough();
      since = performance.now();
      return own !== turns[work];
    };
  };
  return {
    attack: (name, image, label, radius, purpose) => ATTACKS[name]({ networks, screening, image, label, radius, rest: restOf(purpose) }),
    decode: (latents) => latents.map((latent) => networks.decoder(latent).value),
    async search(image) {
      const found = await searchClasses(networks, screening, image, restOf('search'));
      if (!found) return null;
      const decision = decideReclassified(found.scores, screening.thresholds, { keepAll: false, minMargin: DEFAULT_MIN_MARGIN });
      return { ...found, decision };
    },
    drop() {
      for (const work of Object.keys(turns) as (keyof typeof turns)[]) turns[work]++;
    },
  };
}

/** Lets the thread take the messages that wait. A timer would wait 4 ms. */
function letThrough(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
