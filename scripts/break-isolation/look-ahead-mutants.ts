/** Mutants of what is read together with a list, before its own resolver is called. */
import { edit, type MutantGroup } from './mutant.js';

const LOOK_AHEAD = 'src/kernel/graphql/look-ahead.ts';
const TEST = 'test/example/look-ahead.test.ts';

export const lookAhead: MutantGroup = {
  title: 'Lists that are read ahead',
  mutants: [
    {
      name: 'ahead-unnarrowed',
      breaks: 'what is read ahead starts from rows that are not narrowed to the tenant',
      edits: [
        edit(
          'src/kernel/tenancy/narrowing-runner.ts',
          "plainStatement(model, 'findMany', this.#filter.apply(model, 'findMany', args))",
          "plainStatement(model, 'findMany', args)",
        ),
      ],
      tests: [TEST],
    },
    {
      name: 'ahead-without-permission',
      breaks: 'a list is read ahead for a caller who may not read it',
      edits: [
        edit(
          LOOK_AHEAD,
          'if (guard !== null && !viewer.permissions.has(guard)) continue;',
          'void [guard, viewer];',
        ),
      ],
      tests: [TEST],
    },
    {
      name: 'ahead-of-its-rule',
      breaks: 'a list is read ahead before the rule that decides about it',
      edits: [edit(LOOK_AHEAD, '!fieldsWithRules.has(coordinate) &&', '(fieldsWithRules.size >= 0) &&')],
      tests: [TEST],
    },
    {
      name: 'ahead-past-a-guard-on-the-way',
      breaks: 'a list is read ahead although a field on the way to its rows may be refused',
      edits: [
        edit(
          LOOK_AHEAD,
          'const inner = field && isProperty(field) ? getNamedType(field.type) : undefined;',
          'const inner = field ? getNamedType(field.type) : undefined;',
        ),
      ],
      tests: [TEST],
    },
  ],
};
