/** Proves what `tenantry module new` changes in the Prisma models: the other sides of relations, and nothing when it fails. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileChanges } from '../../src/cli/module/file-changes.js';
import { addOtherSides, findModel } from '../../src/cli/module/prisma-files.js';

describe('the Prisma models', () => {
  let folder: string;
  const file = () => join(folder, 'base.prisma');
  const BASE = 'model Tenant {\n  id   String @id\n  name String\n\n  @@map("tenants")\n}\n';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenantry-models-'));
    await mkdir(folder, { recursive: true });
    await writeFile(file(), BASE);
    await writeFile(
      join(folder, 'sales.prisma'),
      'model Invoice {\n  id String @id\n\n  tenant Tenant @relation(fields: [tenantId], references: [id])\n}\n',
    );
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('get the other side of each relation, once, and lose it when something fails later', async () => {
    expect((await findModel(folder, 'Invoice')).area).toBe('sales');
    const changes = new FileChanges();
    expect(await addOtherSides(folder, changes)).toEqual(['Tenant.invoices']);
    expect(await readFile(file(), 'utf8')).toBe(
      BASE.replace('name String\n', 'name String\n  invoices Invoice[]\n'),
    );
    expect(await addOtherSides(folder, changes)).toEqual([]);
    await changes.write(join(folder, 'new', 'file.ts'), 'new');
    await mkdir(join(folder, 'migration'));
    await writeFile(join(folder, 'migration', 'migration.sql'), '');
    changes.created(join(folder, 'migration'));
    await changes.undo();
    expect(await readFile(file(), 'utf8')).toBe(BASE);
    expect(await readdir(join(folder, 'new'))).toEqual([]);
    expect(await readdir(folder)).not.toContain('migration');
  });

  test('are completed for all new models, which Prisma takes together', async () => {
    const shop = join(folder, 'shop.prisma');
    await writeFile(
      shop,
      `model Category {
  id       String @id
  parentId String?

  tenant\tTenant @relation(fields: [tenantId], references: [id])
  parent  Category? @relation("tree", fields: [parentId], references: [id])
}

model Article {
  id String @id

  category Category @relation(fields: [categoryId], references: [id])

  @@map(name: "shop_articles")
}
`,
    );
    const changes = new FileChanges();
    expect(await addOtherSides(folder, changes)).toEqual([
      'Tenant.invoices',
      'Tenant.categories',
      'Category.categories',
      'Category.shopArticles',
    ]);
    expect(await readFile(shop, 'utf8')).toContain('categories Category[] @relation("tree")\n');
    expect(await addOtherSides(folder, changes)).toEqual([]);
    await changes.undo();
    await rm(shop);
  });

  test('with several relations to one model need sides with names, which somebody has to choose', async () => {
    const file = join(folder, 'shop.prisma');
    await writeFile(
      file,
      `model Transfer {
  id String @id

  from Invoice @relation("from", fields: [fromId], references: [id])
  to   Invoice @relation("to", fields: [toId], references: [id])
}
`,
    );
    const changes = new FileChanges();
    await expect(addOtherSides(folder, changes)).rejects.toThrow(
      'Transfer has more than one relation to Invoice: write their other sides in Invoice yourself',
    );
    await changes.undo();
    await rm(file);
  });

  test('a model that no file has is refused', async () => {
    await expect(findModel(folder, 'Nothing')).rejects.toThrow('No file in prisma/ has a model Nothing');
  });
});
