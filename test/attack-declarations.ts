/**
 * What the attack cannot reach in the installed modules, and why. test/platform/attack.test.ts fails for anything that is not
 * here, and for anything that is here without need.
 */

/** Nothing of the victim’s is tried or planted there. */
export const NOT_ATTACKED: readonly string[] = [
  // Only the link that was sent makes a member, and no link stands in an answer. The test gives the attack one to try.
  'Mutation.acceptInvitation',
];

/** Values are tried, but not even one of the attacker’s own is answered in another way than one that nobody has. */
export const WITHOUT_EFFECT: readonly string[] = [
  // No own value is the name of a plan, or the link of an invitation to the attacker itself.
  'Mutation.changePlan(input.plan:)',
  'Mutation.acceptInvitation(input.token:)',
];
