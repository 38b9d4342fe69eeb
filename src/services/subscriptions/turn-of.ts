import type { Claim } from '../../kernel/fair-share/lanes.js';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';

/**
 * The claim of a connection's work to a slot. It may use every slot that no other tenant waits for.
 *
 * @param viewer undefined before the client has authenticated
 */
export const turnOf = (viewer: Viewer | undefined): Claim => ({
  tenant: viewer?.tenantId ?? '',
  weight: viewer?.plan.weight ?? 1,
  most: Number.POSITIVE_INFINITY,
  priority: 'interactive',
});
