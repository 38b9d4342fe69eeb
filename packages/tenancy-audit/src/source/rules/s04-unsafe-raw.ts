/** S04: an unsafe raw method of Prisma gets text that is not constant. */
import { isMaintenance } from '../files.js';
import { splicedNames } from '../spliced-values.js';
import ts from 'typescript';
import { descendants, lastName, resolved } from '../syntax.js';
import type { SourceRule } from '../source-rule.js';
import type { TenantWords } from '../tenant-words.js';

const METHODS = new Set(['$queryRawUnsafe', '$executeRawUnsafe']);

export const unsafeRaw: SourceRule = {
  id: 'S04',
  title: 'Raw method called with a text that is not constant',
  severity: 'major',
  why:
    'Row-level security guards against a forgotten filter, not against SQL that somebody slipped into a statement: that ' +
    'can bind another tenant by itself.',
  checkCode: (file, _project, words) =>
    [...descendants(file.ast)].filter(ts.isCallExpression).flatMap((call) => {
      if (isMaintenance(file.path)) return [];
      const method = lastName(call.expression);
      const [text] = call.arguments;
      if (method === undefined || text === undefined || !METHODS.has(method) || isSafe(text, words))
        return [];
      return [
        {
          offset: call.getStart(),
          evidence: `${method}(${shortened(text.getText())})`,
          advice: takesNoParameters(text) ? QUOTE : USE_PARAMETERS,
        },
      ];
    }),
};

const USE_PARAMETERS =
  'Use $queryRaw or $executeRaw with a tagged template, whose values travel as parameters.';
const QUOTE =
  'This statement takes no parameters: quote each name with an escapeIdentifier(), each value with an escapeLiteral(), ' +
  'and take neither from a request.';

/** DDL statements, and SET. */
function takesNoParameters(text: ts.Expression): boolean {
  return /^[`'"\s]*(?:create|alter|drop|grant|revoke|set|reset|do|comment|truncate)\b/i.test(
    resolved(text).getText(),
  );
}

/** Constant text, text with only quoted or checked values, and text that S03 already reports. */
function isSafe(text: ts.Expression, words: TenantWords): boolean {
  const value = resolved(text);
  if (ts.isStringLiteralLike(value)) return true;
  const names = splicedNames(value);
  return names.some((name) => words.meansTenant(name)) || (!ts.isIdentifier(value) && names.length === 0);
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
