/** File in `models/` that names the active model; every export writes it. */
export const ACTIVE_FILE = '.active';
/** Model that comes with the project. */
const REFERENCE = 'mnist';

/**
 * Chooses the model that the worker's build and the command line take: the one that is asked for, else the active one (the latest
 * export), else `mnist`.
 *
 * @param asked value of each setting that may name a model, such as `{ MODEL: process.env.MODEL }`
 * @param read reads a file of the models folder
 * @returns the name and the reason for it
 */
export async function chooseModel(
  asked: Record<string, string | undefined>,
  read: (file: string) => Promise<string>,
): Promise<{ name: string; why: string }> {
  for (const [why, name] of Object.entries(asked)) if (name !== undefined) return { name, why };
  const active = (await read(ACTIVE_FILE).catch(() => '')).trim();
  return active ? { name: active, why: 'the active model' } : { name: REFERENCE, why: 'the reference model' };
}
