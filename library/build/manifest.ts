import project from '../../package.json' with { type: 'json' };

/** The entries of the package: the file of each, or one for each kind of platform. */
const ENTRIES = {
  '.': { workerd: 'workerd', node: 'node', default: 'browser' },
  './browser': 'browser',
  './hono': 'hono',
  './node': 'node',
  './onnxruntime-node': 'runtimes/onnxruntime-node',
  './onnxruntime-web': 'runtimes/onnxruntime-web',
  './worker': 'worker',
} as const;

/** Packages that the entries import, which npm installs beside this one. None has an install script. */
const DEPENDENCIES = ['@hono/node-server', '@hono/zod-openapi', 'ipaddr.js', 'jstat', 'pako', 'zod'] as const;
/** Packages that must be the ones of the program that installs this. */
const PEERS = ['hono'] as const;
/** Packages that only some runtimes need, and only who uses these installs. */
const OPTIONAL_PEERS = ['onnxruntime-node', 'onnxruntime-web'] as const;

const target = (file: string) => ({ types: `./library/${file}.d.ts`, default: `./library/${file}.js` });

/** Replaces the endings of TypeScript files, as the compiler does in imports. */
const compiled = (path: string) => path.replace(/\.ts$/, '.js');

/** Returns the package.json of the package that is published: only what its users need of the project's own. */
export function manifest(): Record<string, unknown> {
  const { name, version, description, license, type, engines, dependencies, imports } = project;
  const versions = (names: readonly (keyof typeof dependencies)[]) => Object.fromEntries(names.map((one) => [one, dependencies[one]]));
  const exported = Object.entries(ENTRIES).map(([path, file]) => [
    path,
    typeof file === 'string' ? target(file) : Object.fromEntries(Object.entries(file).map(([condition, of]) => [condition, target(of)])),
  ]);
  const internal = Object.entries(imports).map(([path, conditions]) => [
    path,
    Object.fromEntries(Object.entries(conditions).map(([condition, file]) => [condition, compiled(file)])),
  ]);
  return {
    ...{ name, version, description, license, type, engines, sideEffects: false },
    keywords: ['image-classification', 'adversarial-robustness', 'out-of-distribution-detection', 'onnx', 'hono', 'cloudflare-workers'],
    exports: { ...Object.fromEntries(exported), './package.json': './package.json' },
    imports: Object.fromEntries(internal),
    bin: { 'portcullis-serve': './library/serve.js' },
    dependencies: versions(DEPENDENCIES),
    peerDependencies: { ...versions(PEERS), ...versions(OPTIONAL_PEERS) },
    peerDependenciesMeta: Object.fromEntries(OPTIONAL_PEERS.map((one) => [one, { optional: true }])),
  };
}
