import { PublicError } from '../vocabulary/errors.js';
import { dataRule } from './shield.js';

/**
 * For mutations whose effect acts on, in the name of whoever caused it: an operator's access must not outlast its end.
 */
export const notImpersonated = dataRule(
  'is no operator',
  (_args, { viewer }) =>
    viewer.actor.type !== 'operator' ||
    new PublicError('FORBIDDEN', 'An operator who acts in a tenant may not do this.', { requires: 'member' }),
);

/** The error for an API key that calls a mutation for users only. */
export const usersOnlyError = () =>
  new PublicError('FORBIDDEN', 'Only a user who signed in may do this, not an API key.', {
    requires: 'user',
  });

/**
 * For mutations that give access to others: memberships, roles and API keys. An API key must not create further access, nor
 * must an operator who acts in the tenant: it would outlast the end of the impersonation.
 */
export const usersOnly = dataRule(
  'is a user',
  (_args, { viewer }) => viewer.actor.type === 'user' || usersOnlyError(),
);
