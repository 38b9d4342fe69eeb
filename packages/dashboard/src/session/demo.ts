/** Stands in for a login in development: the server gives out tokens of the demo's users, to this machine only. */
import { BASE, goToHostOf, SignedOut, tenantOfHost, type Config, type Session } from './session.js';

export interface DemoUser {
  readonly email: string;
  readonly tenant: string;
  readonly token: string;
}

/** The users that can be chosen at this host. */
export async function demoUsers(config: Config): Promise<readonly DemoUser[]> {
  const answer = await fetch(`${BASE}/demo-users.json`);
  const users = answer.ok ? ((await answer.json()) as readonly DemoUser[]) : [];
  const tenant = tenantOfHost(config);
  return tenant === undefined ? users : users.filter((user) => user.tenant === tenant);
}

/**
 * A session with a token that does not change.
 *
 * @param open opens another session, or none
 */
export function tokenSession(
  config: Config,
  token: string,
  open: (session: Session | undefined) => void,
  user?: DemoUser,
): Session {
  let isOver = false;
  const over = (): void => void (isOver = true);
  return {
    id: crypto.randomUUID(),
    token: () => (isOver ? Promise.reject(new SignedOut()) : Promise.resolve(token)),
    renew: () => Promise.resolve(undefined),
    switchTo(slug) {
      over();
      if (tenantOfHost(config) !== undefined) {
        goToHostOf(slug, config);
        return;
      }
      void demoUsers(config)
        .catch(() => [])
        .then((users) => {
          const other = users.find((each) => each.email === user?.email && each.tenant === slug);
          open(other && tokenSession(config, other.token, open, other));
        });
    },
    signOut() {
      over();
      open(undefined);
    },
  };
}
