import { expect, it } from 'vitest';
import { openReclassifier } from '../../../node/bundle/graphs.ts';
import { ATTACKS } from '../../../page/engine/attack.ts';
import { searchClasses } from '../../../page/engine/search.ts';
import { float32FromBase64 } from '../../../shared/bundle/float32-base64.ts';
import { openNetworks } from './open-networks.ts';

it.each(['mnist'])('%s: the search in the page ends where reclassify.onnx does', async (name) => {
  const { bundle, networks } = await openNetworks(name);
  const { screening } = bundle;
  const image = float32FromBase64(screening.golden.image);
  const given = { networks, screening, image, label: screening.golden.label, radius: 0.1, rest: async () => false };
  const graph = await openReclassifier(`models/${name}`, { intraOpNumThreads: 1 });
  for (const attacked of [image, (await ATTACKS.fgsm(given)) ?? image]) {
    const [expected] = await graph.reclassify(attacked);
    const found = await searchClasses(networks, screening, attacked, async () => false);
    if (!found) throw new Error('the search was ended');
    const { scores, explanations } = found;
    expect(scores.label).toBe(expected?.label);
    for (const score of ['reconstructionError', 'relativeError', 'runnerUpError', 'latentDistance'] as const)
      expect(Math.abs((scores[score] ?? -1) - (expected?.[score] ?? -2))).toBeLessThan(0.05 + 0.01 * (expected?.[score] ?? 0));
    expect(explanations[0]?.class).toBe(expected?.label);
    expect(explanations).toHaveLength(10);
    expect(new Set(explanations.map((explanation) => explanation.class)).size).toBe(10);
  }
  await graph.close();
});
