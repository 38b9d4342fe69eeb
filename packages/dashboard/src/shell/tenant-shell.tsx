/** The frame of every page of a tenant: with the tenant, and with the other ones of its user. */
import { createContext, use, type ReactNode } from 'react';
import { Choice } from '../kit/choice.js';
import { useTexts } from '../kit/language.js';
import { GROUPS } from '../page.js';
import { pages } from '../pages.js';
import type { Session } from '../session/session.js';
import { useViewer } from '../session/viewer.js';
import { Shell } from './shell.js';

/** What the frame needs to know of the session. */
export const SessionContext = createContext<{ session: Session; isConnected: boolean } | undefined>(
  undefined,
);

export function TenantShell({ children }: { readonly children: ReactNode }): ReactNode {
  const { shell, roles } = useTexts();
  const shared = use(SessionContext);
  const me = useViewer();
  if (!shared) return null;
  const { session, isConnected } = shared;
  const groups = Object.fromEntries(
    GROUPS.map((group) => [group, shell.groups[group]]),
  ) as typeof shell.groups;
  return (
    <Shell
      pages={pages}
      groups={groups}
      where={<TenantChoice session={session} />}
      who={
        <p title={me.userId}>
          {me.email ?? me.userId}
          {me.role != null && <small> · {roles.names[me.role]}</small>}
        </p>
      }
      onSignOut={() => session.signOut()}
      isConnected={isConnected}
    >
      {children}
    </Shell>
  );
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
