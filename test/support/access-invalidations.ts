import {
  ACCESS_CHANNEL,
  accessInvalidations,
  type AccessInvalidations,
} from '../../src/kernel/notifications/access-invalidations.js';
import { listen } from '../../src/kernel/notifications/notifications.js';

/** Listens for access changes through connections to `url`, as a server does. */
export function listenForAccessChanges(
  url: string,
  onProblem: (problem: string) => void,
): AccessInvalidations & { close(): Promise<void> } {
  const notifications = listen({ listenUrl: url, databaseUrl: url, channels: [ACCESS_CHANNEL], onProblem });
  const invalidations = accessInvalidations(notifications);
  return {
    get isLive() {
      return invalidations.isLive;
    },
    onChange: (listener) => invalidations.onChange(listener),
    close: () => notifications.close(),
  };
}
