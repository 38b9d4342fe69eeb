import type { ReactNode } from 'react';
import { Shell } from '../../shell/shell.js';
import { pages } from '../pages.js';
import { useConsoleTexts } from '../texts.js';
import { useOperator } from './operator.js';

/** The frame of every page of the console. */
export function ConsoleShell({ children }: { readonly children: ReactNode }): ReactNode {
  const texts = useConsoleTexts();
  const { name, signOut } = useOperator();
  return (
    <Shell
      pages={pages}
      groups={{ service: texts.service }}
      where={<span className="tenant">{texts.console}</span>}
      who={<p>{name}</p>}
      onSignOut={signOut}
      isConnected
    >
      {children}
    </Shell>
  );
}
