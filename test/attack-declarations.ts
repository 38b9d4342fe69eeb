/**
 * What the attack does not cover in the installed modules, with the reasons. test/platform/attack.slow.test.ts fails for
 * anything else that is not covered, and for entries that are not needed.
 */

/** Fields for which no value of the victim's is tried or planted. */
export const NOT_ATTACKED: readonly string[] = [
  // Only the link in a mail makes a member, and no answer contains a link. The test gives the attack one to try.
  'Mutation.acceptInvitation',
  // It takes the names and the values that modules declare, and none that the attack makes up. test/platform/settings.test.ts
  // changes settings of two tenants.
  'Mutation.updateTenantSettings',
  // It needs the words that confirm an erasure, with the tenant's name in them. test/platform/tenant-erasures.test.ts tries
  // it from another tenant.
  'Mutation.requestTenantErasure',
];

/**
 * All tenants have the same days. These are not attacked while no model has a day, and otherwise without effect.
 * test/services/tenant-usage.slow.test.ts reads the days of two tenants.
 */
export const SAME_DAYS: readonly string[] = [
  'Query.tenant',
  'Query.me.tenant',
  'Query.me.memberships.tenant',
].flatMap((path) => ['from', 'to'].map((end) => `${path}.usageHistory(range.${end}:)`));

/**
 * Arguments whose values are tried without effect: even the attacker's own values are answered like values that do not
 * exist.
 */
export const WITHOUT_EFFECT: readonly string[] = [
  // None of the attacker's own values is the name of a plan, or the link of an invitation to the attacker.
  'Mutation.changePlan(input.plan:)',
  'Mutation.acceptInvitation(input.token:)',
  // The attack has no value that confirms an erasure, so it erases neither its own tenant nor its own callers.
  'Mutation.cancelTenantErasure(input.slug:)',
  'Mutation.erasePerson(input.userId:)',
  'Mutation.erasePerson(input.confirm:)',
  'Mutation.erasePerson(input.reason:)',
];
