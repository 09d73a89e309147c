import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Attack } from '../../attacks/attack.ts';
import { suites } from '../../attacks/list.ts';
import { protocols } from '../../evaluate/protocols/list.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';

const screening = await parseScreening(await readFile(join(import.meta.dirname, '../../models/mnist/screening.json'), 'utf8'));
const asked = {
  ...{ test: 100, search: false, endpoint: null, unknown: null },
  others: [{ directory: 'models/b', name: 'b', id: 'b', entropy: 'variable' as const }],
};
const parts = Object.values(protocols).flatMap((protocol) => protocol.parts(screening, asked));

const attacks: Attack[] = Object.values(suites)
  .flat()
  .flatMap((entry) => ('run' in entry ? [entry] : [entry.search, entry.edge]));

it.each(attacks.map((attack) => [attack.name, attack.norm, attack] as const))('a protocol runs %s, %s', (name, norm, attack) => {
  const runs = parts.filter(({ sources, descriptor }) => sources.includes(attack.source) && descriptor.attack?.norm === norm);
  expect(runs.filter(({ about, descriptor }) => `${descriptor.attack?.name}; ${about}`.includes(name))).not.toEqual([]);
});
