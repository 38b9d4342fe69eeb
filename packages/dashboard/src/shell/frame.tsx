import type { ReactNode } from 'react';
import { LanguageChoice } from './choices.js';

/** A page without navigation: before somebody has signed in, and after access has ended. */
export function Frame({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className="frame">
      <main className="card">
        <h1>{title}</h1>
        {children}
      </main>
      <footer>
        <LanguageChoice />
      </footer>
    </div>
  );
}
