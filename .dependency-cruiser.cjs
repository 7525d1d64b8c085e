/**
 * The one-way rule of docs/architecture.md, as rules for dependency-cruiser.
 *
 * `parser: 'swc'` is essential: TypeScript 7 has no JavaScript API, and without it zero modules would be read and
 * every rule would pass. scripts/check-boundaries.ts fails on that.
 */
const server = '^packages/server/src/';
const protocol = '^packages/protocol/src/(schemas/)?index[.]ts$';

/** Each layer of the server, and the layers it may import besides itself. Every one may import the protocol. */
const layers = {
  core: [],
  ports: ['core'],
  import: [],
  export: ['core', 'ports'],
  services: ['core', 'ports', 'import'],
  config: ['core', 'ports'],
  http: ['core', 'ports', 'services', 'export'],
  cli: ['core', 'ports', 'services', 'config', 'roles', 'adapters/registry[.]ts$'],
  roles: ['core', 'ports', 'services', 'config', 'http', 'adapters/registry[.]ts$'],
  adapters: ['core', 'ports'],
  conformance: ['core', 'ports'],
};

const ownPlace = (layer) => `${server}${layer}/`;
const place = (target) => (target.endsWith('$') ? `${server}${target}` : ownPlace(target));

const layerRules = Object.entries(layers).map(([layer, allowed]) => ({
  name: `layer-${layer}`,
  comment: `${layer} imports only itself, the protocol${allowed.length > 0 ? `, ${allowed.join(', ')}` : ''}.`,
  severity: 'error',
  from: { path: ownPlace(layer) },
  to: { path: '^(packages|scripts|bench)/', pathNot: [ownPlace(layer), protocol, ...allowed.map(place)] },
}));

/** Formats and steps of more than one store. */
const sharedByStores = `${server}adapters/store/(migrations|sealed)/`;

/** Drivers and frameworks, and the only place that may name each. */
const owners = [
  {
    name: 'sqlite',
    modules: '^(node:)?sqlite$',
    place: `${server}(adapters/store/sqlite|import/database)/`,
  },
  { name: 'fastify', modules: 'node_modules/(@fastify/|fastify/)', place: `${server}http/` },
  {
    name: 'apache-arrow',
    modules: 'node_modules/apache-arrow/',
    place: `${server}(http/reply|export/table)/`,
  },
  { name: 'fflate', modules: 'node_modules/fflate/', place: `${server}export/` },
  { name: 'cli-progress', modules: 'node_modules/cli-progress/', place: `${server}cli/` },
  { name: 'commander', modules: 'node_modules/commander/', place: `${server}cli/` },
  { name: 'pg', modules: 'node_modules/(pg|pg-[^/]+)/', place: `${server}adapters/store/postgres/` },
  { name: 'fast-check', modules: 'node_modules/fast-check/', place: `${server}conformance/` },
];

const ownerRules = owners.map((owner) => ({
  name: `only-${owner.name}`,
  comment: `${owner.name} is named in ${owner.place.slice(1)} only.`,
  severity: 'error',
  from: { path: '^packages/[^/]+/src/', pathNot: owner.place },
  to: { path: owner.modules },
}));

module.exports = {
  forbidden: [
    ...layerRules,
    ...ownerRules,
    {
      name: 'layer-unknown',
      comment: 'Every folder of the server is a layer that .dependency-cruiser.cjs knows.',
      severity: 'error',
      from: { path: `${server}[^/]+/`, pathNot: Object.keys(layers).map(ownPlace) },
      to: {},
    },
    {
      name: 'adapters-apart',
      comment:
        'An adapter never imports another one; only the registry knows them all. What stores share has a folder that names no driver.',
      severity: 'error',
      from: { path: `${server}adapters/([^/]+/[^/]+)/` },
      to: { path: `${server}adapters/`, pathNot: [`${server}adapters/$1/`, sharedByStores] },
    },
    {
      name: 'shared-by-stores',
      comment: 'What stores share knows none of them.',
      severity: 'error',
      from: { path: sharedByStores },
      to: { path: `${server}adapters/`, pathNot: sharedByStores },
    },
    {
      name: 'core-pure',
      comment:
        'The core has no I/O, no clock and no randomness: of node it may take hashes (node:crypto) only.',
      severity: 'error',
      from: { path: ownPlace('core') },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'protocol-everywhere',
      comment: 'The protocol runs in a browser: nothing of node.',
      severity: 'error',
      from: { path: '^packages/protocol/src/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'protocol-below-all',
      comment: 'The protocol imports nothing of the other packages.',
      severity: 'error',
      from: { path: '^packages/protocol/src/' },
      to: { path: '^(packages|scripts|bench)/', pathNot: '^packages/protocol/src/' },
    },
    {
      name: 'protocol-by-name',
      comment: 'Other packages take the protocol from @pisync/protocol, never from a file inside it.',
      severity: 'error',
      from: { path: '^(packages|scripts|bench)/', pathNot: '^packages/protocol/' },
      to: { path: '^packages/protocol/', pathNot: protocol },
    },
    {
      name: 'source-not-test',
      comment: 'What is shipped never imports tests, scripts or benchmarks.',
      severity: 'error',
      from: { path: '^packages/[^/]+/(src|bin)/' },
      to: { path: '^(packages/[^/]+/test|scripts|bench)/' },
    },
    {
      name: 'no-cycles',
      comment: 'Modules that import each other cannot be read one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A module that nobody imports and that imports nothing is left over.',
      severity: 'error',
      from: { orphan: true, path: '^packages/[^/]+/src/', pathNot: 'src/index[.]ts$' },
      to: {},
    },
    {
      name: 'resolvable',
      comment: 'Every import leads somewhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared',
      comment: 'What is shipped imports only packages that its package.json declares as dependency or peer.',
      severity: 'error',
      from: { path: '^packages/[^/]+/(src|bin)/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'undetermined'],
        // A peer is installed for development as well.
        dependencyTypesNot: ['npm-peer'],
      },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|build|coverage)/' },
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.d.ts'],
      exportsFields: ['exports'],
    },
    combinedDependencies: true,
  },
};
