/**
 * The allowed imports between folders. An import that no line allows is an error, so a new folder may import nothing
 * until it has a line here. ARCHITECTURE.md has the same as a picture.
 */
const kernel = (folder, ...mayImport) => ({
  from: { path: `^src/kernel/${folder}/` },
  to: { path: [`^src/kernel/(${[folder, ...mayImport].join('|')})/`, '^src/generated/'] },
});
const service = (folder, ...mayImport) => ({
  from: { path: `^src/services/${folder}/` },
  to: { path: ['^src/kernel/', `^src/services/(${[folder, ...mayImport].join('|')})/`, '^src/generated/'] },
});
const dashboard = (folder, ...mayImport) => ({
  from: { path: `^packages/dashboard/src/${folder}/` },
  to: {
    path: [
      `^packages/dashboard/src/(${[folder, ...mayImport].join('|')})/`,
      '^packages/dashboard/src/(page[.]ts|generated/)',
    ],
  },
});
const ring = (from, ...mayImport) => ({
  from: { path: `^src/${from}/` },
  to: { path: [from, ...mayImport, 'generated'].map((folder) => `^src/${folder}/`) },
});

/** The folders of the product's own modules. `tenantry module new` adds folders. */
const DOMAINS = ['example'];

module.exports = {
  forbidden: [
    {
      name: 'no-cycle-of-files',
      severity: 'error',
      from: { pathNot: '^src/generated' },
      to: { circular: true, viaOnly: { pathNot: '^src/generated' } },
    },
    {
      name: 'no-cycle-of-folders',
      severity: 'error',
      scope: 'folder',
      from: { pathNot: '^src/generated' },
      to: { circular: true, pathNot: '^src/generated' },
    },
  ],
  allowed: [
    // Every ring only uses the rings before it. The kernel makes one request tenant-safe.
    kernel('vocabulary'),
    kernel('config', 'vocabulary'),
    kernel('tracing'),
    kernel('request', 'vocabulary', 'tracing'),
    kernel('database', 'vocabulary', 'config', 'request'),
    kernel('driver', 'vocabulary', 'tracing', 'request', 'database'),
    kernel('fair-share'),
    kernel('pool', 'vocabulary', 'tracing', 'fair-share'),
    kernel('replica', 'vocabulary', 'request', 'database', 'driver'),
    kernel('tenancy', 'vocabulary', 'request', 'database', 'driver', 'pool', 'replica'),
    kernel('notifications', 'vocabulary', 'database', 'tenancy'),
    kernel('outgoing'),
    kernel('auth', 'vocabulary', 'config', 'outgoing', 'tenancy', 'notifications'),
    kernel('cells', 'vocabulary', 'tenancy', 'notifications', 'auth'),
    kernel('access', 'vocabulary', 'request', 'tenancy'),
    kernel(
      'graphql',
      ...['vocabulary', 'config', 'request', 'driver', 'outgoing', 'tenancy', 'notifications', 'access'],
    ),
    // The services that a product needs in addition.
    service('limits'),
    service('documents', 'limits'),
    service('idempotency'),
    service('jobs'),
    service('mail'),
    service('operator', 'limits', 'audit-trail'),
    service('audit-trail'),
    service('lifecycle', 'operator', 'audit-trail'),
    service('rates'),
    service('access-records'),
    service('secrets'),
    service('settings'),
    service('telemetry'),
    service('field-usage'),
    service('schema-check', 'operator'),
    service('webhooks'),
    service('subscriptions', 'limits', 'documents', 'rates', 'access-records', 'telemetry', 'field-usage'),
    ring('http', 'kernel', 'services'),
    ring('platform', 'kernel', 'services'),
    ...DOMAINS.map((domain) => ring(domain, 'kernel', 'services', 'platform')),
    // The dashboard: pages know the session, and the session the looks; pages do not know each other.
    dashboard('texts'),
    dashboard('kit', 'texts'),
    dashboard('session', 'kit', 'texts'),
    {
      from: { path: '^packages/dashboard/src/(platform|example)/([^/]+)/' },
      to: {
        path: [
          '^packages/dashboard/src/$1/$2/',
          '^packages/dashboard/src/(kit|session|texts|generated)/',
          '^packages/dashboard/src/page[.]ts$',
        ],
      },
    },
    {
      from: { path: '^packages/dashboard/src/page[.]ts$' },
      to: { path: '^packages/dashboard/src/session/' },
    },
    { from: { path: '^packages/dashboard/src/pages[.]ts$' }, to: { path: '^packages/dashboard/src/' } },
    {
      from: { path: '^packages/dashboard/src/(shell/|main[.]tsx$)' },
      to: {
        path: '^packages/dashboard/src/(shell/|kit/|session/|texts/|generated/|pages?[.]ts$|styles[.]css$)',
      },
    },
    {
      from: { path: '^packages/dashboard/src/operators/' },
      to: {
        path: [
          '^packages/dashboard/src/(operators|kit|session|texts)/',
          '^packages/dashboard/src/shell/(app|frame|router|shell|theme)[.]tsx?$',
          '^packages/dashboard/src/(page[.]ts|styles[.]css)$',
        ],
      },
    },
    {
      from: { path: '^packages/dashboard/src/generated/' },
      to: { path: '^packages/dashboard/src/generated/' },
    },
    // Generated code uses types of all rings.
    { from: { path: '^src/generated/' }, to: { path: '^src/' } },
    // The entry points combine everything. Only modules.ts names the installed modules: to remove a domain, delete its
    // line.
    {
      from: { path: '^src/(cli/|[^/]+[.]ts$)' },
      to: { path: ['^src/(kernel|services|http|cli|generated)/', '^src/[^/]+[.]ts$'] },
    },
    { from: { path: '^src/modules[.]ts$' }, to: { path: `^src/(${['platform', ...DOMAINS].join('|')})/` } },
  ],
  allowedSeverity: 'error',
  options: {
    includeOnly: '^(src|packages/dashboard/src)/',
    // Imports of types count as dependencies.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js'] },
  },
};
