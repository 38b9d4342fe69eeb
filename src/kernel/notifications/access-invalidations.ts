/** Notifications of changed memberships, API keys and tenants. */
import { z } from 'zod';
import type { Notifications } from './notifications.js';
import { parseJson } from './parse-json.js';

export const ACCESS_CHANNEL = 'tenantry_access';

export interface AccessChange {
  readonly tenantId: string;
  /** Undefined when the change concerns every member of the tenant. */
  readonly userId?: string | undefined;
}

export interface AccessInvalidations {
  /** True while the notification of a change would arrive within a second. */
  readonly isLive: boolean;
  /** The change `undefined` means that anything may have changed. Listeners are called in the order of registration. */
  onChange(listener: (change: AccessChange | undefined) => void): void;
}

const message = z.object({ tenantId: z.string(), userId: z.string().optional() });

/** @param notifications must listen to {@link ACCESS_CHANNEL} */
export function accessInvalidations(notifications: Notifications): AccessInvalidations {
  const listeners: ((change: AccessChange | undefined) => void)[] = [];
  const tell = (change: AccessChange | undefined) => {
    for (const listener of listeners) listener(change);
  };
  notifications.onMessage(ACCESS_CHANNEL, (payload) => tell(message.safeParse(parseJson(payload)).data));
  notifications.onDoubt(() => tell(undefined));
  notifications.onTrust(() => tell(undefined));
  return {
    get isLive() {
      return notifications.isLive;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
