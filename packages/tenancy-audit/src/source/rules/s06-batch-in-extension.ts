/** S06: a Prisma extension that binds the tenant in a separate batch, and so leaves its caller's transaction. */
import ts from 'typescript';
import { bare, boundNames, descendants, lastName } from '../syntax.js';
import type { SourceRule } from '../source-rule.js';

const RAW = new Set(['$executeRaw', '$queryRaw', '$executeRawUnsafe', '$queryRawUnsafe']);

export const batchInExtension: SourceRule = {
  id: 'S06',
  title: 'Tenant bound by a batch inside a Prisma extension',
  severity: 'major',
  why:
    'The batch is a transaction of its own. An operation inside the caller’s $transaction leaves it: what it wrote stays ' +
    'when the caller rolls back, and an audit entry no longer stands or falls with its change (prisma/prisma#20678).',
  checkCode: (file) =>
    [...descendants(file.ast)].filter(ts.isCallExpression).flatMap((call) => {
      if (lastName(call.expression) !== '$transaction') return [];
      const [batch] = call.arguments;
      const items = batch && bare(batch);
      if (!items || !ts.isArrayLiteralExpression(items)) return [];
      const replayed = items.elements.find((element) => replaysOperation(bare(element)));
      if (!replayed || !items.elements.some((element) => isRaw(bare(element)))) return [];
      return [
        {
          offset: call.getStart(),
          evidence: `$transaction([…, ${replayed.getText()}]) inside an extension`,
          advice:
            'Open one interactive transaction, bind the tenant first, and run every operation on it; let the extension ' +
            'override $transaction as well.',
        },
      ];
    }),
};

/** `query(args)`, where `query` is the parameter from Prisma. */
function replaysOperation(element: ts.Expression): boolean {
  if (!ts.isCallExpression(element) || !ts.isIdentifier(element.expression)) return false;
  const name = element.expression.text;
  if (name !== 'query') return false;
  for (let around: ts.Node = element; !ts.isSourceFile(around); around = around.parent) {
    if (ts.isFunctionLike(around) && around.parameters.some((one) => boundNames(one.name).includes(name))) {
      return true;
    }
  }
  return false;
}

function isRaw(element: ts.Expression): boolean {
  if (ts.isTaggedTemplateExpression(element)) return RAW.has(lastName(element.tag) ?? '');
  return ts.isCallExpression(element) && RAW.has(lastName(element.expression) ?? '');
}
