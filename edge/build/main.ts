import { join } from 'node:path';
import { fitnessOf } from '../../shared/bundle/fitness.ts';
import { UserError } from '../../shared/user-error.ts';
import { type Admission, chosenModel, generate, runtimeNamed } from './generate.ts';

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

/**
 * Reads what wrangler and the operator say in the environment. Everything but `wrangler dev` counts as a deploy, which has no page unless
 * PLAYGROUND is on.
 *
 * @throws UserError if FORCE is neither 1 nor absent, or PLAYGROUND is neither on, off nor absent
 */
function admissionOf({ WRANGLER_COMMAND, FORCE = '', PLAYGROUND = '' }: NodeJS.ProcessEnv): Admission {
  if (!['', '1'].includes(FORCE)) throw new UserError(`FORCE is ${FORCE}; allowed is 1, to build with a model that is not fit to deploy`);
  if (!['', 'on', 'off'].includes(PLAYGROUND))
    throw new UserError(`PLAYGROUND is ${PLAYGROUND}; allowed are on, for a worker with the page, which hands out the model, and off`);
  const use = WRANGLER_COMMAND === 'dev' ? 'try' : 'deploy';
  return { use, force: FORCE === '1', page: (PLAYGROUND || (use === 'try' ? 'on' : 'off')) === 'on' };
}
