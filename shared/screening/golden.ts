import { float32FromBase64 } from '../bundle/float32-base64.ts';
import { GRAPH_SCORES, SCORES } from '../score-table.ts';
import type { Model } from './model.ts';

/** Allowed difference: sums of float32 differ a little between processors. */
const TOLERANCE = 1e-3;

/** Runs the golden image. @returns what differs from the export, or null if nothing does */
export async function goldenProblem({ screening, screen }: Model): Promise<string | null> {
  const { golden } = screening;
  const output = await screen((_, input) => input.set(float32FromBase64(golden.image)), 1, false);
  if (Number(output.label[0]) !== golden.label) return `the golden image is labelled ${output.label[0]}, not ${golden.label}`;
  const pairs: [string, number | undefined, number][] = [
    ...GRAPH_SCORES.flatMap((name): [string, number | undefined, number][] => {
      const expected = golden[name];
      return expected === undefined ? [] : [[SCORES[name].from, output[name]?.[0], expected]];
    }),
    ...golden.latent.map((value, i): [string, number | undefined, number] => [`latent[${i}]`, output.latent[i], value]),
  ];
  const odd = pairs.find(([, actual, expected]) => !(Math.abs((actual ?? Number.NaN) - expected) <= TOLERANCE * (1 + Math.abs(expected))));
  return odd ? `the golden image's ${odd[0]} is ${odd[1]}, not ${odd[2]}` : null;
}
