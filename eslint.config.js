import { existsSync } from 'node:fs';
import eslint from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';

const forbidImports = (files, ...patterns) => ({
  files,
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
});

const packageIsAlone = (regex) => ({
  regex,
  message: 'A package imports nothing of the server or of another package: it has to work by itself.',
});
const prismaStaysInTheKernel = {
  regex: 'generated/prisma',
  importNames: ['PrismaClient'],
  allowTypeImports: true,
  message:
    'Only src/kernel/tenancy makes a Prisma client: an unbound one sees no tenant, and must not be passed around.',
};
const requestsAreGuarded = {
  regex: '^(node:)?(https?|http2)$|^undici$',
  importNames: ['default', 'request', 'get', 'Agent', 'ClientRequest', 'connect', 'fetch'],
  message:
    'Requests leave through src/kernel/outgoing, which checks the address that the socket connects to.',
};

export default defineConfig(
  globalIgnores([
    '.dependency-cruiser.cjs',
    '**/dist',
    '**/generated',
    '**/__generated__',
    '.tenantry',
    'coverage',
    'bench/.data',
  ]),
  // Without its own packages, whose types are missing then, the benchmark cannot be judged.
  existsSync(new URL('bench/node_modules', import.meta.url)) ? [] : globalIgnores(['bench']),
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['*.js', 'scripts/*.mjs'] } },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Resolvers and plugins are asynchronous by contract, whether or not they wait.
      '@typescript-eslint/require-await': 'off',
      // An index that the surrounding code has just established.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // How the types of a package are extended.
      '@typescript-eslint/no-namespace': ['error', { allowDeclarations: true }],
      // A type parameter that names the row of a query documents it.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[property.name=/^\\$(query|execute)RawUnsafe$/]',
          message: 'Build SQL with Prisma.sql: whoever can slip SQL into a statement can switch tenants.',
        },
        {
          selector: "CallExpression[callee.object.name='Prisma'][callee.property.name='raw']",
          message:
            'Prisma.raw splices text into SQL: whoever can slip SQL into a statement can switch tenants.',
        },
      ],
    },
  },
  // Nothing is written past the log: lines of it are JSON, and what clients sent is escaped there.
  { files: ['src/**/*.ts', 'packages/*/src/**/*.ts'], rules: { 'no-console': 'error' } },
  {
    // What a function guarantees stands where its users look. Its types say the rest.
    files: ['src/**/*.ts', 'packages/*/src/**/*.ts'],
    plugins: { jsdoc },
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          enableFixer: false,
          require: {
            FunctionDeclaration: true,
            ArrowFunctionExpression: true,
            FunctionExpression: true,
            MethodDefinition: false,
          },
        },
      ],
    },
  },
  // Who may import whom is held by .dependency-cruiser.cjs.
  forbidImports(['src/**/*.ts'], prismaStaysInTheKernel, requestsAreGuarded),
  {
    files: ['src/**/*.ts'],
    rules: { 'no-restricted-globals': ['error', { name: 'fetch', message: requestsAreGuarded.message }] },
  },
  forbidImports(['src/kernel/outgoing/outgoing.ts'], prismaStaysInTheKernel),
  {
    files: ['src/kernel/tenancy/database.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': 'off' },
  },
  {
    files: ['src/**/*.ts'],
    rules: { 'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }] },
  },
  {
    files: ['test/**/*.ts', 'packages/*/test/**/*.ts'],
    rules: { 'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }] },
  },
  forbidImports(['packages/*/src/*.ts'], packageIsAlone('^\\.\\./')),
  forbidImports(['packages/*/src/*/*.ts'], packageIsAlone('^\\.\\./\\.\\./')),
  forbidImports(['packages/*/src/*/*/*.ts'], packageIsAlone('^\\.\\./\\.\\./\\.\\./')),
  {
    files: ['**/*.js', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  {
    // The rule does not come to an end on the types of graphql: visitors, and types that contain types.
    files: ['src/kernel/graphql/compilable.ts', 'src/services/limits/introspection-work.ts'],
    rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' },
  },
);
