import { PublicError } from '../vocabulary/errors.js';
import { dataRule } from './shield.js';

/** The error for an API key that calls a mutation for users only. */
export const usersOnlyError = () =>
  new PublicError('FORBIDDEN', 'Only a user who signed in may do this, not an API key.', {
    requires: 'user',
  });

/**
 * For mutations that give access to others: memberships, roles and API keys. An API key must not create further access.
 */
export const usersOnly = dataRule(
  'is a user',
  (_args, { viewer }) => viewer.actor.type === 'user' || usersOnlyError(),
);
