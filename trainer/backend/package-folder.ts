import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** The folder of an npm package of the project, null where it is not installed (all but onnxruntime-node are optional dependencies). */
export function packageFolder(
  name: '@tensorflow/tfjs-node' | '@tensorflow/tfjs-node-gpu' | 'node-api-headers' | 'onnxruntime-node',
): string | null {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return null;
  }
}

/** Its version, `none` where it is not installed. */
export function packageVersion(name: Parameters<typeof packageFolder>[0]): string {
  const folder = packageFolder(name);
  return folder ? (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version : 'none';
}
