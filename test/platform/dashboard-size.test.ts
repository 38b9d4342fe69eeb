/** Proves that the first page of each kind of user is small, with everything that is loaded before it is there. */
import { beforeAll, describe, expect, test } from 'vitest';
import { dashboardFiles, type DashboardFiles, type Pages } from '../../src/http/dashboard-files.js';

/** What a slow phone loads in about a second. */
const MOST_BYTES = 150_000;

/** The build takes seconds, on a busy machine more. */
const SLOW_MS = 240_000;

const FIRST: Readonly<Record<Pages, { readonly base: string; readonly page: RegExp }>> = {
  tenants: { base: '/app/', page: /^assets\/overview-page-.*\.js$/ },
  operators: { base: '/operator/', page: /^assets\/tenants-page-.*\.js$/ },
};

describe.each(Object.entries(FIRST))('the pages for %s', (pages, { base, page: first }) => {
  let files: DashboardFiles;
  beforeAll(async () => {
    files = await dashboardFiles(pages as Pages);
  }, SLOW_MS);

  const textOf = (name: string): string => files.get(name)?.body.toString() ?? '';
  const sizeOf = (name: string): number => {
    const file = files.get(name);
    return (file?.gzipped ?? file?.body)?.length ?? NaN;
  };

  /** The files that are loaded with these, because they import them statically. */
  function withImports(names: readonly string[], found = new Set<string>()): Set<string> {
    for (const name of names) {
      if (found.has(name)) continue;
      found.add(name);
      const imports = [...textOf(name).matchAll(/(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g)];
      withImports(
        imports.map(([, file]) => `assets/${file!}`),
        found,
      );
    }
    return found;
  }

  test('the first page has at most 150 kB, compressed with gzip', () => {
    const named = [...textOf('index.html').matchAll(/"\/\w+\/(assets\/[^"]+)/g)].map(([, name]) => name!);
    const firstPage = [...files.keys()].filter((name) => first.test(name));
    expect(named.length).toBeGreaterThan(1);
    expect(firstPage).toHaveLength(1);
    const loaded = [...withImports([...named, ...firstPage])];
    const bytes = sizeOf('index.html') + loaded.reduce((sum, name) => sum + sizeOf(name), 0);
    expect(bytes).toBeLessThan(MOST_BYTES);
    expect(bytes).toBeGreaterThan(50_000);
  });

  test('no page has a script or a style in its text, and none names another host', () => {
    const page = textOf('index.html');
    expect(page).not.toMatch(/<script(?![^>]*\ssrc=)/);
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=/);
    expect([...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url!)).toEqual(
      expect.not.arrayContaining([expect.not.stringMatching(`^${base}`)]),
    );
  });
});
