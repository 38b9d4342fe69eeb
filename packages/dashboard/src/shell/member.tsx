import type { ReactNode } from 'react';
import type { Ending } from '../session/api.js';
import type { Session } from '../session/session.js';
import { Accept, isInvitation } from './accept.js';
import { Tenant } from './tenant.js';

/** For a user who has signed in: an invitation, or the pages of a tenant. */
export const Member = (props: {
  readonly session: Session;
  readonly onEnd: (ending: Ending) => void;
}): ReactNode => (isInvitation() ? <Accept session={props.session} /> : <Tenant {...props} />);
