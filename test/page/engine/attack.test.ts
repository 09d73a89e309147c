import { expect, it } from 'vitest';
import { ATTACKS, type AttackName } from '../../../page/engine/attack.ts';
import { float32FromBase64 } from '../../../shared/bundle/float32-base64.ts';
import { squaredEuclidean } from '../../../shared/decision/latent-space.ts';
import { openNetworks } from './open-networks.ts';

const { bundle, networks } = await openNetworks('mnist');
const { screening } = bundle;
const image = float32FromBase64(screening.golden.image);
const { label } = screening.golden;

/** Attacks without a rest. */
const attackWith = async (name: AttackName, radius: number): Promise<Float32Array> => {
  const attacked = await ATTACKS[name]({ networks, screening, image, label, radius, rest: async () => false });
  if (!attacked) throw new Error('the attack was ended');
  return attacked;
};

it.each(Object.keys(ATTACKS) as AttackName[])(
  '%s stays within the radius and [0, 1], and moves the latent away from its class',
  async (name) => {
    for (const radius of [0, 0.1, 0.3]) {
      const attacked = await attackWith(name, radius);
      expect(Math.max(...attacked.map((value, i) => Math.abs(value - (image[i] as number))))).toBeLessThanOrEqual(radius + 1e-6);
      expect(attacked.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
    const distanceOf = (given: Float32Array) => squaredEuclidean(networks.encoder(given).value, screening.means[label] as number[]);
    expect(distanceOf(await attackWith(name, 0.3))).toBeGreaterThan(10 * distanceOf(image));
  },
);

it('the attack on both tests ends nearer to being accepted than the one on the encoder alone', async () => {
  const errorOf = async (name: AttackName) => {
    const attacked = await attackWith(name, 0.2);
    const { value } = networks.decoder(networks.encoder(attacked).value);
    return value.reduce((sum, pixel, i) => sum + (pixel - (attacked[i] as number)) ** 2, 0);
  };
  expect(await errorOf('adaptive')).toBeLessThan(await errorOf('pgd'));
});

it('an attack ends when it is told to', async () => {
  for (const name of ['pgd', 'adaptive'] as const)
    expect(await ATTACKS[name]({ networks, screening, image, label, radius: 0.01, rest: async () => true })).toBeNull();
});
