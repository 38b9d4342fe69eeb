/** Mutants of the limits of a request before its execution, and of the caches of documents. */
import { edit, type MutantGroup } from './mutant.js';

const HOSTILE = 'test/kernel/hostile-requests.test.ts';
const KEPT = 'test/kernel/kept-memory.test.ts';

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
