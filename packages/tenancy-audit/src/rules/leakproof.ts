/** T33: LEAKPROOF functions that are not PostgreSQL's. */
import type { Finding } from '../finding.js';
import type { CatalogRule } from '../rule.js';

export const userLeakproof: CatalogRule = {
  id: 'T33',
  title: 'LEAKPROOF function of one’s own',
  severity: 'minor',
  why:
    'PostgreSQL runs a LEAKPROOF function on rows before it asks the policies. One that raises an error with its argument, ' +
    'or logs it, shows rows of other tenants.',
  check(catalog): readonly Finding[] {
    return catalog.functions.flatMap((each) => {
      if (!each.leakproof || each.extension !== undefined) return [];
      return [
        {
          rule: userLeakproof,
          object: each.signature,
          evidence: `LEAKPROOF, written in ${each.language}`,
          fix: `ALTER FUNCTION ${each.signature} NOT LEAKPROOF;`,
          advice:
            'Where that makes a query slow, store what the function computes, and compare the stored value.',
        },
      ];
    });
  },
};
