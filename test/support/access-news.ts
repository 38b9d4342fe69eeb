import { ACCESS_CHANNEL, accessNews, type AccessNews } from '../../src/kernel/notifications/access-news.js';
import { listen } from '../../src/kernel/notifications/notifications.js';

/** The news of access as a server of its own hears them, over connections to `url`. */
export function listenForAccessChanges(
  url: string,
  onProblem: (problem: string) => void,
): AccessNews & { close(): Promise<void> } {
  const notifications = listen({ listenUrl: url, databaseUrl: url, channels: [ACCESS_CHANNEL], onProblem });
  const news = accessNews(notifications);
  return {
    get isLive() {
      return news.isLive;
    },
    onChange: (listener) => news.onChange(listener),
    close: () => notifications.close(),
  };
}
