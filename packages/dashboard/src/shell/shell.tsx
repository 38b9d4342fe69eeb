/** The frame of every page: the navigation, and whether the page is up to date. */
import { useEffect, useState, type ReactNode } from 'react';
import { Link, useRouterState } from '@tanstack/react-router';
import { Button } from '../kit/button.js';
import { useSpeech, useTexts } from '../kit/language.js';
import type { Page } from '../page.js';
import { useMay } from '../session/permissions.js';
import { LanguageChoice, ThemeChoice } from './choices.js';

interface Listed<Group extends string> {
  readonly pages: readonly Page<string, Group>[];
  /** The titles of the groups, in their order. */
  readonly groups: Readonly<Record<Group, string>>;
}

/** Lists the pages that the caller may open, and no others. */
export function Shell<Group extends string>({
  where,
  who,
  onSignOut,
  isConnected,
  children,
  ...listed
}: Listed<Group> & {
  /** Beside the name of the product. */
  readonly where: ReactNode;
  /** The caller. */
  readonly who: ReactNode;
  readonly onSignOut: () => void;
  readonly isConnected: boolean;
  readonly children: ReactNode;
}): ReactNode {
  const texts = useTexts();
  const [isOpen, setOpen] = useState(false);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  useEffect(() => setOpen(false), [path]);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {texts.shell.skip}
      </a>
      <header className="bar">
        <strong className="brand">{texts.shell.product}</strong>
        {where}
        <Button
          kind="quiet"
          aria-expanded={isOpen}
          aria-controls="navigation"
          onClick={() => setOpen(!isOpen)}
        >
          {texts.shell.menu}
        </Button>
      </header>
      <div id="navigation" className={isOpen ? 'side open' : 'side'}>
        <nav aria-label={texts.shell.navigation}>
          <Navigation {...listed} />
        </nav>
        <section className="self" aria-label={texts.shell.account}>
          {who}
          <LanguageChoice />
          <ThemeChoice />
          <Button onClick={onSignOut}>{texts.shell.signOut}</Button>
        </section>
      </div>
      <div className="content">
        <Reachability isConnected={isConnected} />
        {children}
      </div>
    </div>
  );
}

function Navigation<Group extends string>({ pages, groups }: Listed<Group>): ReactNode {
  const { language } = useSpeech();
  const may = useMay();
  return Object.entries<string>(groups).map(([group, title]) => {
    const listed = pages.filter((page) => page.group === group && page.needs.every(may));
    if (listed.length === 0) return null;
    return (
      <div key={group}>
        <h2>{title}</h2>
        <ul>
          {listed.map((page) => (
            <li key={page.path}>
              <Link to={page.path} activeOptions={{ exact: page.path === '/', includeSearch: false }}>
                {page.title[language]}
              </Link>
            </li>
          ))}
        </ul>
      </div>
    );
  });
}

/** Says when the page may be out of date. */
function Reachability({ isConnected }: { readonly isConnected: boolean }): ReactNode {
  const { shell } = useTexts();
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = (): void => setOnline(navigator.onLine);
    window.addEventListener('online', look);
    window.addEventListener('offline', look);
    return () => {
      window.removeEventListener('online', look);
      window.removeEventListener('offline', look);
    };
  }, []);
  if (isOnline && isConnected) return null;
  return (
    <div className="notice problem" role="status">
      {isOnline ? shell.reconnecting : shell.offline}
    </div>
  );
}
