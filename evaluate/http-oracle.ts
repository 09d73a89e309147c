import type { Answer, Oracle } from '../attacks/oracle.ts';
import { BundleError } from '../shared/open-bundle.ts';
import { verdictSchema } from '../shared/screen-messages.ts';
import type { Screening } from '../shared/screening-schema.ts';
import { logRatiosOf } from './graph-oracle.ts';

/** A worker that is attacked. */
export interface Door {
  url: string;
  /** with the scope `explain`, for attacks that need scores */
  key: string;
}

/** Requests on their way at a time. */
const AT_ONCE = 4;

/** The door that SCREEN_URL and SCREEN_KEY name: threads have the variables of the process that starts them. Null where they name none. */
export function doorOf({ SCREEN_URL: url, SCREEN_KEY: key }: NodeJS.ProcessEnv): Door | null {
  return url && key ? { url, key } : null;
}

/**
 * `POST /screen` of the worker, one image a request, as float32: what is attacked is what is deployed, with its HTTP.
 *
 * @param shows `scores`: with the key and `?explain=1`; `verdicts`: without
 * @throws BundleError where the worker serves another model; Error where it does not answer with a verdict
 */
export function httpOracle({ url, key }: Door, screening: Screening, shows: 'scores' | 'verdicts'): Oracle {
  const { height, width, channels } = screening.input;
  const size = height * width * channels;
  const explained = shows === 'scores';
  const ask = async (image: Float32Array): Promise<Answer> => {
    const response = await fetch(`${url}/screen${explained ? '?explain=1' : ''}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream', authorization: `Bearer ${key}` },
      body: Float32Array.from(image),
    });
    if (!response.ok) throw new Error(`the worker answered ${response.status}: ${await response.text()}`);
    const verdict = verdictSchema.parse(await response.json());
    if (verdict.model !== screening.id)
      throw new BundleError(
        `the worker at ${url} serves model ${verdict.model}, not ${screening.id}. Start it with the bundle that is attacked.`,
      );
    const accepted = verdict.verdict === 'accepted';
    if (!explained) return { accepted, label: accepted ? verdict.index : null, logRatios: null };
    if (!verdict.explain) throw new Error(`the worker at ${url} does not explain: its key needs the scope explain`);
    const { nearest, scores, thresholds } = verdict.explain;
    return { accepted, label: screening.classes.indexOf(nearest), logRatios: logRatiosOf(scores, thresholds) };
  };
  return async (images) => {
    const answers: Answer[] = [];
    for (let first = 0; first < images.length; first += AT_ONCE * size) {
      const part = images.subarray(first, first + AT_ONCE * size);
      const each = Array.from({ length: part.length / size }, (_, i) => part.subarray(i * size, (i + 1) * size));
      answers.push(...(await Promise.all(each.map(ask))));
    }
    return answers;
  };
}
