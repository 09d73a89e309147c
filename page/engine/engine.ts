import { expose, proxy } from 'comlink';
import { readBundle } from '../../library/bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { DEFAULT_MIN_MARGIN, decideReclassified, type ReclassifyDecision } from '../../shared/decision/decide.ts';
import type { Scores } from '../../shared/decision/scores.ts';
import { FORMATS } from '../../shared/images/formats.ts';
import { ATTACKS, type AttackName } from './attack.ts';
import { openOnChoice } from './choose-runtime.ts';
import { type Networks, networksOf } from './gradient/networks.ts';
import type { RuntimeChoice } from './runtimes.ts';
import { type Explanation, searchClasses } from './search.ts';

/** The starts of a search, and the targets of an attack, go through the networks at once. */
const MOST = 11;

/** What the search came to. */
export interface SearchResult {
  scores: Scores;
  decision: ReclassifyDecision;
  explanations: Explanation[];
}

/** Everything that computes, in a thread of its own, so that the page stays alive. */
export interface Engine extends RuntimeChoice {
  readonly screening: Screening;
  /** Media types and extensions of the files that can be read, for the choice of a file. */
  readonly accept: string;
  /** Why attacks and the search can't run on this model; null if they can. */
  readonly without: string | null;
  attack(name: AttackName, image: Float32Array, label: number, radius: number): Float32Array;
  /** Decodes latents, one after the other. @returns [n, H, W, C] */
  decode(latents: Float32Array[]): Float32Array[];
  /** Searches the classes; null if another search began meanwhile. */
  search(image: Float32Array): Promise<SearchResult | null>;
}

async function fetched(path: string, key: string): Promise<ArrayBuffer> {
  const response = await fetch(path, { headers: key ? { authorization: `Bearer ${key}` } : {} });
  if (response.ok) return response.arrayBuffer();
  const { detail = `${path} answers ${response.status}` } = await response.json().catch(() => ({}));
  throw new Error(detail);
}

/**
 * Opens the model that the worker was built with.
 *
 * @param key bearer key; empty for none
 * @throws Error with what the worker says, if a key is needed; BundleError if a file is damaged
 */
async function open(key: string): Promise<Engine> {
  const modules: Record<string, Promise<WebAssembly.Module>> = {};
  const loadModule = (name: string) => (modules[name] ??= fetched(`/page/${name}.wasm`, '').then((bytes) => WebAssembly.compile(bytes)));
  const bundle = await readBundle(async (file) => new Uint8Array(await fetched(`/page/bundle/${file}`, key)));
  // The worker's build has judged the model.
  const choice = await openOnChoice(bundle, loadModule);
  const { screening } = bundle;
  let networks: Networks | null = null;
  let without: string | null = null;
  try {
    networks = networksOf(await loadModule('kernels'), bundle, MOST);
  } catch (error) {
    without = (error as Error).message;
  }
  const differentiable = () => {
    if (networks) return networks;
    throw new Error(`This model has no gradient here: ${without}`);
  };
  let searches = 0;
  return {
    screening,
    accept: FORMATS.flatMap(({ mediaTypes, extensions }) => [mediaTypes[0], ...extensions]).join(),
    without,
    ...choice,
    attack: (name, image, label, radius) => ATTACKS[name]({ networks: differentiable(), screening, image, label, radius }),
    decode: (latents) => latents.map((latent) => differentiable().decoder(latent).value),
    async search(image) {
      const own = ++searches;
      const isOver = () => own !== searches;
      const found = await searchClasses(differentiable(), screening, image, async () => {
        await new Promise((resolve) => setTimeout(resolve));
        return isOver();
      });
      if (!found) return null;
      const decision = decideReclassified(found.scores, screening.thresholds, { keepAll: false, minMargin: DEFAULT_MIN_MARGIN });
      return { ...found, decision };
    },
  };
}

const entry = { open: async (key: string) => proxy(await open(key)) };
export type EngineEntry = typeof entry;
expose(entry);
