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

/** What the page computes by gradients. */
export interface Gradients {
  attack(name: AttackName, image: Float32Array, label: number, radius: number): Float32Array;
  /** Decodes latents, one after the other. @returns [n, H, W, C] */
  decode(latents: Float32Array[]): Float32Array[];
  /** Searches the classes; null if another search began meanwhile. */
  search(image: Float32Array): Promise<SearchResult | null>;
}

/** Opens a bundle's networks with their gradients. @throws NoGradientError or UnsupportedGraphError if a layer has none */
export function openGradients(kernels: WebAssembly.Module, bundle: Bundle): Gradients {
  const { screening } = bundle;
  const networks = networksOf(kernels, bundle, MOST);
  let searches = 0;
  return {
    attack: (name, image, label, radius) => ATTACKS[name]({ networks, screening, image, label, radius }),
    decode: (latents) => latents.map((latent) => networks.decoder(latent).value),
    async search(image) {
      const own = ++searches;
      const found = await searchClasses(networks, screening, image, async () => {
        await new Promise((resolve) => setTimeout(resolve));
        return own !== searches;
      });
      if (!found) return null;
      const decision = decideReclassified(found.scores, screening.thresholds, { keepAll: false, minMargin: DEFAULT_MIN_MARGIN });
      return { ...found, decision };
    },
  };
}
