import process from 'node:process';
// With this name, @prisma/client does not find it as its optional peer, which production would install with all of its
// dependencies.
import { defineConfig } from 'prisma-cli/config';

// `prisma generate` requires a native schema engine although it never runs it, and would download one. Any executable
// satisfies the check; migrations use Prisma's engine compiled to WASM (src/kernel/database/migration/migrations.ts).
if (
  process.argv.some((argument) => argument === 'generate' || argument === 'validate' || argument === 'format')
) {
  process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath;
}

export default defineConfig({
  schema: 'prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['DATABASE_OWNER_URL'] ?? '' },
});
