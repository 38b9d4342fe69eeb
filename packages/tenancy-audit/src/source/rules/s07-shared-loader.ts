/** S07: a DataLoader that all requests and so all tenants share. */
import ts from 'typescript';
import { descendants, importedFrom, runsOnLoad } from '../syntax.js';
import type { SourceRule } from '../source-rule.js';

export const sharedLoader: SourceRule = {
  id: 'S07',
  title: 'DataLoader shared by all requests',
  severity: 'critical',
  why:
    'A DataLoader remembers what it loaded, and collects the keys of whoever asks in the same tick. Made once for the ' +
    'whole process, it answers one tenant with the row that another was allowed to read.',
  checkCode: (file) =>
    [...descendants(file.ast)]
      .filter(ts.isNewExpression)
      .filter(
        ({ expression }) =>
          ts.isIdentifier(expression) && importedFrom(file.ast, expression.text) === 'dataloader',
      )
      .filter(runsOnLoad)
      .map((node) => ({
        offset: node.getStart(),
        evidence: 'new DataLoader() runs when the module is loaded, not once for each request',
        advice: 'Make the loaders of a request in its context.',
      })),
};
