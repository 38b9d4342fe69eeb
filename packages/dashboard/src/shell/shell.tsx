/** The frame of every page: the tenant, the navigation, and whether the page is up to date. */
import { useEffect, useState, type ReactNode } from 'react';
import { Link, useRouterState } from '@tanstack/react-router';
import { Button } from '../kit/button.js';
import { Choice } from '../kit/choice.js';
import { useSpeech, useTexts } from '../kit/language.js';
import { GROUPS, type Page } from '../page.js';
import type { Session } from '../session/session.js';
import { useMay, useViewer } from '../session/viewer.js';
import { LanguageChoice, ThemeChoice } from './choices.js';

/** Lists the pages that the caller may open, and no others. */
export function Shell({
  pages,
  session,
  isConnected,
  children,
}: {
  readonly pages: readonly Page[];
  readonly session: Session;
  readonly isConnected: boolean;
  readonly children: ReactNode;
}): ReactNode {
  const texts = useTexts();
  const me = useViewer();
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
        <TenantChoice session={session} />
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
          <Navigation pages={pages} />
        </nav>
        <section className="self" aria-label={texts.shell.account}>
          <p title={me.userId}>
            {me.email ?? me.userId}
            {me.role != null && <small> · {texts.roles.names[me.role]}</small>}
          </p>
          <LanguageChoice />
          <ThemeChoice />
          <Button onClick={() => session.signOut()}>{texts.shell.signOut}</Button>
        </section>
      </div>
      <div className="content">
        <Reachability isConnected={isConnected} />
        {children}
      </div>
    </div>
  );
}

function Navigation({ pages }: { readonly pages: readonly Page[] }): ReactNode {
  const { language, texts } = useSpeech();
  const may = useMay();
  return GROUPS.map((group) => {
    const listed = pages.filter((page) => page.group === group && page.needs.every(may));
    if (listed.length === 0) return null;
    return (
      <div key={group}>
        <h2>{texts.shell.groups[group]}</h2>
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

/** The tenants of the user. Another one is another session, with nothing of this one. */
function TenantChoice({ session }: { readonly session: Session }): ReactNode {
  const { shell } = useTexts();
  const { tenant, memberships } = useViewer();
  if (memberships.length < 2) return <span className="tenant">{tenant.name}</span>;
  return (
    <Choice
      label={shell.tenant}
      value={tenant.slug}
      options={Object.fromEntries(memberships.map(({ tenant: { slug, name } }) => [slug, name]))}
      onChange={(slug) => session.switchTo(slug)}
    />
  );
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
