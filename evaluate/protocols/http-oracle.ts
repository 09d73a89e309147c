import type { Answer, Oracle } from '../../attacks/oracle.ts';
import { sizeOf } from '../../attacks/victim.ts';
import { BundleError } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { type Door, DoorError, screenedAt } from './endpoint.ts';
import { logRatiosOf } from './graph-oracle.ts';

/** Requests on their way at a time. */
const AT_ONCE = 4;

/**
 * The worker as a door that an attack asks, one image a request: what is attacked is what is deployed, with its HTTP. Its kernels are its own,
 * so its scores differ from those of screen.onnx in onnxruntime-node by rounding (some millionths of them).
 *
 * @param shows `scores`: with the key and `?explain=1`; `verdicts`: without
 * @throws BundleError where the worker serves another model; DoorError where it does not answer with a verdict
 */
export function httpOracle(door: Door, screening: Screening, shows: 'scores' | 'verdicts'): Oracle {
  const size = sizeOf(screening.input);
  const explained = shows === 'scores';
  const ask = async (image: Float32Array): Promise<Answer> => {
    const verdict = await screenedAt(door, image, explained);
    if (verdict.model !== screening.id)
      throw new BundleError(
        `the worker at ${door.url} serves model ${verdict.model}, not ${screening.id}. Start it with the bundle that is attacked.`,
      );
    const accepted = verdict.verdict === 'accepted';
    if (!explained) return { accepted, label: accepted ? verdict.index : null, logRatios: null };
    if (!verdict.explain) throw new DoorError(`the worker at ${door.url} does not explain: its key needs the scope explain`);
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

/**
 * Asks about a blank image, with scores: what would fail after minutes fails at once.
 *
 * @throws BundleError, DoorError as the oracle does
 */
export async function checkDoor(door: Door, screening: Screening): Promise<void> {
  await httpOracle(door, screening, 'scores')(new Float32Array(sizeOf(screening.input)));
}
