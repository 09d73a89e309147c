import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { cacheFolder } from '../../node/installations/installation-record.ts';
import { pythonEnvironment } from '../../node/installations/python-environment.ts';
import { runProgram } from '../../node/processes/run-program.ts';
import { type Description, forPython } from './description.ts';

/** A classifier's answer may be of any type: the client gives its bytes. */
const SETTINGS = { content_type_overrides: { '*/*': 'application/octet-stream' } };

/** Makes the environment of the generator, once. @returns its Python @throws PythonError */
export const generatorPython = (interpreter: string): Promise<string> =>
  pythonEnvironment(cacheFolder('clients'), join(import.meta.dirname, 'requirements.txt'), interpreter);

/**
 * Writes a Python package, which pip installs: a module for each operation, with the classes of its bodies and answers.
 *
 * @param python of the generator's environment
 * @param folder does not exist yet, or is empty
 * @throws Error with the generator's words, if it leaves out anything
 */
export async function writePythonClient(description: Description, folder: string, python: string): Promise<void> {
  const given = await mkdtemp(join(dirname(folder), 'given-'));
  try {
    await writeFile(join(given, 'openapi.json'), JSON.stringify(forPython(description)));
    // YAML is a superset of JSON.
    await writeFile(join(given, 'settings.yml'), JSON.stringify(SETTINGS));
    const from = ['--path', join(given, 'openapi.json'), '--config', join(given, 'settings.yml')];
    const { code, output, errors } = await runProgram(
      join(dirname(python), 'openapi-python-client'),
      ['generate', ...from, '--output-path', folder, '--overwrite', '--fail-on-warning'],
      { output: 'kept', env: { PATH: `${dirname(python)}${delimiter}${process.env.PATH}` } },
    );
    if (code !== 0) throw new Error(`openapi-python-client could not write the client:\n${output}${errors}`);
  } finally {
    await rm(given, { recursive: true, force: true });
  }
}
