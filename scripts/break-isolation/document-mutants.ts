/** Mutants of the limits of a request before its execution, and of the caches of documents. */
import { edit, type MutantGroup } from './mutant.js';

const HOSTILE = 'test/kernel/hostile-requests.slow.test.ts';
const KEPT = 'test/kernel/kept-memory.slow.test.ts';

export const documents: MutantGroup = {
  title: 'Documents',
  mutants: [
    {
      name: 'conflicts-in-pairs',
      breaks:
        'each pair of fields is compared, as graphql-js does: one small request takes hundreds of milliseconds',
      edits: [
        edit(
          'src/services/limits/document-rules.ts',
          '...specifiedRules.filter((rule) => rule !== OverlappingFieldsCanBeMergedRule),',
          '...specifiedRules.filter((rule) => rule !== undefined && OverlappingFieldsCanBeMergedRule),',
        ),
      ],
      tests: [HOSTILE],
    },
    {
      name: 'conflicts-not-looked-for',
      breaks: 'fields of one name in the answer need not be the same',
      edits: [
        edit(
          'src/services/limits/conflicting-fields.ts',
          'for (const group of shared) compareFields(name, group);',
          'for (const group of shared) compareFields(name, group.slice(0, 1));',
        ),
      ],
      tests: ['test/kernel/conflicting-fields.unit.test.ts'],
    },
    {
      name: 'ids-without-limit',
      breaks:
        'one operation asks for tens of thousands of objects by ids, each of which may be refused with an error',
      edits: [
        edit(
          'src/services/limits/operation-limits.ts',
          'if (ids > MOST_IDS_OF_OPERATION) throw tooManyIds(ids);',
          'if (ids > MOST_COST) throw tooManyIds(ids);',
        ),
      ],
      tests: ['test/kernel/operation-limits.unit.test.ts', HOSTILE],
    },
    {
      name: 'ids-of-rows-not-counted',
      breaks: 'a list of ids below a page counts once, and is looked up for each row',
      edits: [
        edit(
          'src/services/limits/operation-limits.ts',
          'if (!idsOfEach.isEmpty) ids.addList(size, idsOfEach);',
          'if (!idsOfEach.isEmpty) ids.addList(1, idsOfEach);',
        ),
      ],
      tests: ['test/kernel/operation-limits.unit.test.ts'],
    },
    {
      name: 'nulls-of-lists-for-nothing',
      breaks: 'objects that are looked up by ids and not found cost a tenant nothing',
      edits: [
        edit(
          'src/services/limits/actual-cost.ts',
          'if (item === null) values++;',
          'if (item === null) continue;',
        ),
      ],
      tests: ['test/kernel/rates.unit.test.ts'],
    },
    {
      name: 'introspection-remembered-for-everybody',
      breaks: 'a caller is told of the parts of the schema that another may use',
      edits: [
        edit(
          'src/kernel/access/introspection-answers.ts',
          'JSON.stringify([permissionsKey(permissions), source,',
          'JSON.stringify([permissionsKey(permissions).slice(0, 0), source,',
        ),
      ],
      tests: ['test/kernel/role-schema.unit.test.ts', 'test/platform/role-schema.slow.test.ts'],
    },
    {
      name: 'introspection-never-remembered',
      breaks: 'each answer with the whole schema keeps the server busy for many milliseconds',
      edits: [
        edit(
          'src/kernel/access/introspection-answers.ts',
          'if (known) return { data: known.data };',
          'if (known?.bytes === 0) return { data: known.data };',
        ),
      ],
      tests: ['test/kernel/role-schema.unit.test.ts'],
    },
    {
      name: 'introspection-remembered-without-its-size',
      breaks: 'the remembered answers to introspection take any amount of memory',
      edits: [
        edit(
          'src/kernel/access/introspection-answers.ts',
          'bytes: text.length * BYTES_PER_CHARACTER + BYTES_PER_ANSWER',
          'bytes: BYTES_PER_ANSWER',
        ),
      ],
      tests: [KEPT],
    },
    {
      name: 'documents-without-their-text',
      breaks: 'the text that a kept document holds is not counted',
      edits: [edit('src/kernel/graphql/parse-document.ts', '2 * text.length + parser.nodes', 'parser.nodes')],
      tests: [KEPT],
    },
    {
      name: 'registered-without-their-place',
      breaks: 'a registered document counts its characters alone',
      edits: [
        edit(
          'src/services/documents/registered-documents.ts',
          '2 * each.length + BYTES_PER_DOCUMENT',
          'each.length',
        ),
      ],
      tests: [KEPT],
    },
  ],
};
