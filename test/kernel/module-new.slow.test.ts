/**
 * Proves, in a copy of this checkout, that `tenantry module new` writes the modules of two related models that were added
 * together: a parent and its child, from the code as it is, without `npm run generate` in between.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SUPERUSER } from '../support/migrated-databases.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = [
  ...['src', 'scripts', 'prisma', 'packages', 'package.json', 'tsconfig.json', 'prisma.config.ts'],
  ...['.dependency-cruiser.cjs', 'schema.graphql'],
];
const SLOW_MS = 180_000;

const OF_TENANT = `
  tenantId  String   @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  id        String   @default(dbgenerated("tenantry.uuid_v7()")) @db.Uuid
  createdAt DateTime @default(now()) @map("created_at") @db.Timestamptz(3)

  tenant Tenant @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)

  @@id([tenantId, id])`;
const MODELS = `
model Trip {
  vehicleId String @map("vehicle_id") @db.Uuid
  vehicle Vehicle @relation(fields: [tenantId, vehicleId], references: [tenantId, id], onDelete: Restrict, onUpdate: Restrict)
${OF_TENANT}
  @@map("trips")
}
model Vehicle {
  plate String @db.VarChar(20)
${OF_TENANT}
  @@map("vehicles")
}
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tenantry-module-'));
  const filter = (path: string) => !['node_modules', 'dist'].includes(basename(path));
  for (const path of COPIED) await cp(join(ROOT, path), join(root, path), { recursive: true, filter });
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  await writeFile(join(root, 'prisma/fleet.prisma'), MODELS);
}, SLOW_MS);
afterAll(() => rm(root, { recursive: true }));

function moduleNew(...args: string[]) {
  const command = ['--import', 'tsx', 'src/cli/main.ts', 'module', 'new', ...args];
  const env = { ...process.env, DATABASE_URL: SUPERUSER, DATABASE_OWNER_URL: SUPERUSER };
  const { status, stderr } = spawnSync(process.execPath, command, { cwd: root, env, encoding: 'utf8' });
  return { status, stderr };
}

const file = (path: string) => readFile(join(root, path), 'utf8');

async function migration(name: string): Promise<string> {
  const folder = (await readdir(join(root, 'prisma/migrations'))).find((each) => each.endsWith(name));
  return file(`prisma/migrations/${folder!}/migration.sql`);
}

test(
  'a child is refused before its parent; after it, it has ids, and the parent has the list',
  async () => {
    const refused = moduleNew('Trip');
    expect(refused.stderr).toContain('Write its module first: npm run -s tenantry -- module new Vehicle');
    expect(refused.status).toBe(1);
    expect(await file('prisma/fleet.prisma')).toBe(MODELS);

    expect(moduleNew('Vehicle')).toMatchObject({ status: 0 });
    expect(await file('src/fleet/vehicle/vehicle.resolvers.ts')).toContain('plate: text(1, 20)');
    // One migration makes both tables; each module adds what its own table needs.
    const both = await migration('_add_vehicles');
    expect(both).toContain("tenantry.protect('trips', 'Trip')");
    expect(both).not.toContain("tenantry.publish('trips')");

    const trip = moduleNew('Trip');
    expect(trip).toMatchObject({ status: 0, stderr: expect.not.stringContaining('left out') as string });
    const sdl = await file('src/fleet/trip/trip.graphql');
    expect(sdl).toContain('vehicleId: ID! @id(of: "Vehicle")');
    expect(sdl).toContain('vehicle: Vehicle @requires(permission: VEHICLES_READ)');
    expect(sdl).toContain('extend type Vehicle {');
    expect(await migration('_add_trips')).toBe(
      "-- Changes are announced to subscriptions.\nSELECT tenantry.publish('trips');\n",
    );
  },
  SLOW_MS,
);
