import type { ReactNode } from 'react';
import { Notice } from '../../kit/states.js';
import { useConsoleTexts } from '../texts.js';

/** Says which cells do not answer, so that nobody takes the list for all tenants. */
export function MissingCells({ names }: { readonly names: readonly string[] }): ReactNode {
  const { missingCells } = useConsoleTexts();
  return names.length > 0 && <Notice kind="problem">{missingCells(names.join(', '))}</Notice>;
}
