/** The rooms and their arrows (docs/architecture.md): what each folder may import. */
const arrows = {
  shared: [],
  attacks: ['shared'],
  trainer: ['shared', 'attacks'],
  export: ['shared', 'trainer'],
  evaluate: ['shared', 'attacks', 'trainer'],
  edge: ['shared'],
  fallback: ['shared'],
};
const rooms = ['shared', 'attacks', 'trainer', 'export', 'evaluate', 'edge', 'fallback', 'cli', 'bench', 'test'];

module.exports = {
  forbidden: [
    ...Object.entries(arrows).map(([room, allowed]) => ({
      name: `${room}-arrows`,
      severity: 'error',
      from: { path: `^${room}/` },
      to: { path: `^(${rooms.filter((other) => other !== room && !allowed.includes(other)).join('|')})/` },
    })),
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'shared-is-pure', severity: 'error', from: { path: '^shared/' }, to: { dependencyTypes: ['core'], pathNot: '^zlib$' } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^cloudflare:|/generated/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(edge/generated|runs)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
      conditionNames: ['import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
};
