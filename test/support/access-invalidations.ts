import {
  ACCESS_CHANNEL,
  accessInvalidations,
  type AccessInvalidations,
} from '../../src/kernel/notifications/access-invalidations.js';
import { listen } from '../../src/kernel/notifications/notifications.js';

/** The news of access as a server of its own hears them, over connections to `url`. */
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
