import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlesBeside } from '../../evaluate/bundles-beside.ts';
import { chosenFor } from '../../evaluate/job.ts';
import { undetected } from '../../evaluate/outcome.ts';
import type { Asked, Part } from '../../evaluate/protocol.ts';
import { protocols } from '../../evaluate/protocols/protocols.ts';
import { openSetup, type Setup } from '../../evaluate/setup.ts';
import { useWasm } from '../../trainer/backend/wasm.ts';

const directory = join(import.meta.dirname, '../../models/mnist');
let setup: Setup;
beforeAll(async () => {
  await useWasm();
  const source = { dataset: 'mnist', dataDir: null, imageSize: null, channels: null } as const;
  setup = await openSetup({ directory, source, seed: 1, unknownSource: null });
});
afterAll(() => setup.screener.close());

function part(protocol: string, name: string): Part {
  const asked: Asked = { test: 10_000, search: false, door: null, others: [], unknown: null };
  const found = protocols[protocol]?.parts(setup.screening, asked).find((one) => one.name === name);
  if (!found) throw new Error(`${protocol} has no part ${name}`);
  return found;
}

const run = (protocol: string, name: string, from: number, to: number) => part(protocol, name).run(setup, chosenFor(setup, { from, to }));

describe('on models/mnist', () => {
  it('the nearest image from outside is accepted as another digit by the exported graph, within linf .1', async () => {
    const outcomes = await run('adaptive', 'nearest from outside, linf', 0, 1);
    expect(outcomes).toHaveLength(1);
    expect(outcomes.every(undetected)).toBe(true);
    expect(outcomes[0]?.radius).toBeLessThan(0.1);
    expect(outcomes[0]?.picture).not.toBeNull();
  }, 60_000);

  it('an attack at a fixed radius stays within it, and answers with the image itself where it finds nothing', async () => {
    const outcomes = await run('adaptive', 'APGD from random, dominant, l2 0.5', 0, 2);
    for (const outcome of outcomes) {
      if (undetected(outcome)) expect(outcome.radius).toBeLessThanOrEqual(0.5 + 1e-5);
      else expect([outcome.radius, outcome.norm, outcome.eps]).toEqual([null, 'l2', 0.5]);
    }
  }, 60_000);

  it('the relay breaks an image at linf .05 on which PGD with Adam on the hinges fails', async () => {
    const [outcome] = await run('adaptive', 'relay of APGD, targeted DLR, and PGD (Adam), hinges, from outside, linf 0.05', 19, 20);
    expect(outcome && undetected(outcome)).toBe(true);
    expect(outcome?.radius).toBeLessThanOrEqual(0.05 + 1e-6);
  }, 60_000);

  it('the whole pipeline is fooled at linf .3: rejected at the edge, another digit by the search', async () => {
    const outcomes = await run('pipeline', 'reclassified wrongly, linf 0.3', 0, 2);
    for (const { accepted, reclassified, truth, radius } of outcomes) {
      expect(accepted).toBe(false);
      expect(reclassified?.kept).toBe(true);
      expect(reclassified?.label).not.toBe(truth);
      expect(radius).toBeLessThanOrEqual(0.3 + 1e-5);
    }
  }, 120_000);

  it('finds the other bundles of its data, for attacks that carry over', async () => {
    const others = await bundlesBeside(directory, setup.screening);
    expect(others.map((other) => other.slice(directory.length - 5))).toEqual(expect.arrayContaining(['mnist-semi', 'mnist-variable']));
    expect(others.join()).not.toMatch(/coil100|fashion/);
  });
});

it('no two parts of a protocol have one name, whatever was asked', () => {
  for (const protocol of Object.values(protocols)) {
    const parts = protocol.parts(setup.screening, {
      ...{ test: 10_000, search: true, door: { url: 'http://127.0.0.1:1', key: 'k' }, others: ['models/a', 'models/b'] },
      unknown: { name: 'x', count: 5 },
    });
    expect(new Set(parts.map(({ name }) => name)).size, protocol.name).toBe(parts.length);
    for (const { work, images, atOnce } of parts) expect(Math.min(work, images, atOnce)).toBeGreaterThan(0);
  }
});
