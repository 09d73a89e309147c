import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWorker } from '../cli/start-worker.ts';

/**
 * Lints the worker's OpenAPI description: starts the worker and runs Redocly's recommended rules and Spectral's rules for OpenAPI
 * over its answer; a warning fails too. Both are installed for the run only, because they are larger than the project.
 *
 *   pnpm bench:openapi
 */
const LINTERS = {
  redocly: ['@redocly/cli@2.77.0', 'redocly', 'lint', '--extends', 'recommended', '--format', 'stylish'],
  spectral: ['@stoplight/spectral-cli@6.16.3', 'spectral', 'lint', '--fail-severity', 'hint', '--ruleset', 'spectral.json'],
};

const directory = await mkdtemp(join(tmpdir(), 'portcullis-openapi-'));
try {
  const worker = await startWorker('mnist', {});
  const document = await fetch(`${worker.url}/openapi.json`).then((response) => response.text());
  await worker.close();
  await writeFile(join(directory, 'openapi.json'), JSON.stringify(JSON.parse(document), null, 2));
  await writeFile(join(directory, 'spectral.json'), JSON.stringify({ extends: ['spectral:oas'] }));
  // Or npm would take the project's own settings.
  await writeFile(join(directory, 'package.json'), '{"private": true}');
  for (const [name, [linter = '', ...command]] of Object.entries(LINTERS)) {
    const args = ['--yes', '--package', linter, '--', ...command, 'openapi.json'];
    const { status, stdout, stderr } = spawnSync('npx', args, { cwd: directory, encoding: 'utf8' });
    // Redocly exits with 0 if it only warns.
    if (status !== 0 || /^ +\d+:\d+ +(error|warning) /m.test(stdout + stderr)) throw new Error(`${name}:\n${stdout}${stderr}`);
    console.log(`${name}: clean`);
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
