import { PublicError } from '../vocabulary/errors.js';
import { dataRule } from './shield.js';

/** What is asked of an API key that only a person may do. */
export const usersOnlyError = () =>
  new PublicError('FORBIDDEN', 'Only a user who signed in may do this, not an API key.', {
    requires: 'user',
  });

/** For what hands out power: who is a member, as what, and which keys there are. An API key must not multiply. */
export const usersOnly = dataRule(
  'is a user',
  (_args, { viewer }) => viewer.actor.type === 'user' || usersOnlyError(),
);
