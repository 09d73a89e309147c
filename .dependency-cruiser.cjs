/** The rooms and their arrows (docs/architecture.md): what each folder may import. */
const arrows = {
  shared: [],
  node: ['shared'],
  attacks: ['shared'],
  trainer: ['shared', 'node', 'attacks'],
  export: ['shared', 'node', 'trainer'],
  evaluate: ['shared', 'node', 'attacks', 'trainer'],
  edge: ['shared'],
  fallback: ['shared', 'node'],
  library: ['shared', 'node', 'edge'],
  page: ['shared', 'library'],
};
const rooms = ['shared', 'node', 'attacks', 'trainer', 'export', 'evaluate', 'edge', 'fallback', 'library', 'page', 'cli', 'bench', 'test'];

/** Rules for the folders of a room: each may import those before it, none of those after it. */
const inOrder = (room, folders, ...entries) =>
  folders.map((folder, i) => ({
    name: `${room}-${folder}-arrows`,
    severity: 'error',
    from: { path: `^${room}/${folder}/` },
    to: { path: `^${room}/(${[...folders.slice(i + 1).map((later) => `${later}/`), ...entries].join('|') || '/'})` },
  }));

module.exports = {
  forbidden: [
    ...Object.entries(arrows).map(([room, allowed]) => ({
      name: `${room}-arrows`,
      severity: 'error',
      from: { path: `^${room}/` },
      // `#decoders` (package.json) is this file where it is not workerd that runs the code.
      to: { path: `^(${rooms.filter((other) => other !== room && !allowed.includes(other)).join('|')})/`, pathNot: '^node/decoders\\.ts$' },
    })),
    ...inOrder('page', ['engine', 'view'], '[^/]+$'),
    ...inOrder('node', ['processes', 'files', 'installations', 'bundle']),
    ...inOrder('shared', ['bundle', 'decision', 'calibration', 'runtime', 'screening']),
    ...inOrder('shared', ['kernels', 'bundle', 'images', 'protocol', 'runtime', 'screening']),
    // evaluate.ts, the entry, is imported by none of the folders.
    ...inOrder('evaluate', ['images', 'measure', 'certificate', 'protocols', 'jobs', 'figures', 'report'], 'evaluate\\.ts$'),
    // trainer/: data and backend → model → gradient → the run (trainer/*.ts) → report, which train.ts alone writes.
    ...inOrder('trainer', ['data', 'backend', 'model', 'gradient'], 'report/', '[^/]+$'),
    // attacks/: losses and steps are what attacks are made of, and know no attack.
    {
      name: 'attacks-losses-and-steps',
      severity: 'error',
      from: { path: '^attacks/(losses|steps)/' },
      to: { path: '^attacks/(?!(attack|rows|tensors)\\.ts$)[^/]+$' },
    },
    { name: 'export-onnx-arrows', severity: 'error', from: { path: '^export/onnx/' }, to: { path: '^export/(?!onnx/)' } },
    { name: 'export-arrows', severity: 'error', from: { path: '^export/[^/]+$' }, to: { path: '^export/tf2onnx/' } },
    {
      name: 'trainer-model-arrows',
      severity: 'error',
      from: { path: '^trainer/model/' },
      to: { path: '^trainer/(?!model/|data/|robust/)' },
    },
    // trainer/backend/: each backend's folder knows the files above it but not the list of backends, and no other backend.
    {
      name: 'backends-apart',
      severity: 'error',
      from: { path: '^trainer/backend/([^/]+)/', pathNot: '^trainer/backend/install/' },
      to: { path: '^trainer/', pathNot: '^trainer/backend/($1/|(?!backends)[a-z-]+\\.ts$)' },
    },
    {
      name: 'backends-below-training',
      severity: 'error',
      from: { path: '^trainer/backend/' },
      to: { path: '^trainer/(?!backend/)' },
    },
    // library/: only its entries for Node and for servers know Node or the edge.
    {
      name: 'library-runs-anywhere',
      severity: 'error',
      from: { path: '^library/', pathNot: '^library/(build/|modules/|node|hono|serve|worker|runtimes/onnxruntime-node)' },
      to: { path: '^(node|edge)/|^[a-z_]+$', dependencyTypesNot: ['type-only', 'npm'] },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    // zlib but computes, and is the same in Node and workerd.
    { name: 'shared-is-pure', severity: 'error', from: { path: '^shared/' }, to: { dependencyTypes: ['core'], pathNot: '^zlib$' } },
    // Only the list of formats knows a format; a format knows no other.
    {
      name: 'formats-by-the-list',
      severity: 'error',
      from: {
        path: '^(?!test/|bench/)',
        pathNot: '^shared/images/([^/]+/|formats\\.ts$)|^edge/guard/encode-png\\.ts$|^library/workerd\\.ts$',
      },
      to: { path: '^shared/images/[^/]+/' },
    },
    {
      name: 'formats-apart',
      severity: 'error',
      from: { path: '^shared/images/([^/]+)/' },
      to: { path: '^shared/images/([^/]+/|formats\\.ts$)', pathNot: '^shared/images/$1/' },
    },
    // At the edge: routes → guard → pipeline → decode and escalation; nothing runs back, and only routes and the app know a route.
    ...[
      ['routes', 'app|worker'],
      ['guard', 'routes'],
      ['pipeline', 'routes|guard'],
      ['escalation', 'routes|guard|pipeline|app|env'],
      ['build', 'build'],
    ].map(([folder, users]) => ({
      name: `edge-${folder}-arrows`,
      severity: 'error',
      from: { path: '^edge/', pathNot: `^edge/(${folder}|${users})[/.]` },
      to: { path: `^edge/${folder}/` },
    })),
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^cloudflare:|/generated/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(edge/generated|runs|dist|examples)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
      conditionNames: ['import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
};
