/** What a page shows besides its data: that it loads, that there is none, that something failed. */
import { createContext, use, type ReactNode } from 'react';
import { useTexts } from './language.js';

/** The title of the page that is shown. */
export const TitleContext = createContext('');

/** The title of a page, unless it has another one, with what can be done on it. */
export function Title({
  children,
  actions,
}: {
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}): ReactNode {
  const title = use(TitleContext);
  return (
    <header className="title">
      <h1 tabIndex={-1}>{children ?? title}</h1>
      {actions !== undefined && <div className="actions">{actions}</div>}
    </header>
  );
}

/** Until the data is there. */
export function Loading(): ReactNode {
  const texts = useTexts();
  return (
    <p className="loading" role="status">
      <span className="spinner" aria-hidden />
      {texts.kit.loading}
    </p>
  );
}

/** Where there is nothing. */
export const Empty = ({ children }: { readonly children: ReactNode }): ReactNode => (
  <p className="empty">{children}</p>
);

/** Something that the viewer should know. `problem` interrupts a screen reader. */
export const Notice = ({
  kind = 'info',
  children,
}: {
  readonly kind?: 'info' | 'good' | 'problem';
  readonly children: ReactNode;
}): ReactNode => (
  <div className={`notice ${kind}`} role={kind === 'problem' ? 'alert' : 'status'}>
    {children}
  </div>
);

/** A state in one word. */
export const Badge = ({
  kind = 'plain',
  children,
}: {
  readonly kind?: 'plain' | 'good' | 'bad' | 'busy';
  readonly children: ReactNode;
}): ReactNode => <span className={`badge ${kind}`}>{children}</span>;
