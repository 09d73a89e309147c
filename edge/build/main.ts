import { join } from 'node:path';
import { fitnessOf } from '../../shared/bundle/fitness.ts';
import { admissionOf } from './admission.ts';
import { chosenModel, generate, runtimeNamed } from './generate.ts';

/** wrangler's [build] step. */
const root = join(import.meta.dirname, '..', '..');
const models = join(root, 'models');
try {
  const { name, why } = await chosenModel(models, process.env.MODEL);
  if (!/^[\w][\w.-]*$/.test(name)) throw new Error(`${name} (${why}) is not the name of a model; a folder's name in models/ is needed`);
  const wanted = runtimeNamed(process.env.EDGE_RUNTIME);
  const { screening, runtime } = await generate(join(models, name), join(root, 'edge', 'generated'), wanted, admissionOf(process.env));
  console.log(`portcullis: building with model ${name} (${why}), id ${screening.id}, runtime ${runtime}`);
  const { verdict } = fitnessOf(screening);
  const forced = (screening.forced ?? []).map(({ what }) => `\n- accepted by force: ${what}`);
  console.log(`portcullis: verdict: ${verdict}${screening.trial ? ', a trial' : ''}${forced.join('')}`);
} catch (error) {
  console.error(`portcullis: ${(error as Error).message}`);
  process.exitCode = 1;
}
