/** Upgrades connections to WebSocket only. Every other offer is ignored: the request is answered as HTTP/1.1. */
import { IncomingMessage, type ServerOptions } from 'node:http';

const isForWebsocket = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket';

/**
 * A request that asks for an upgrade only when it asks for WebSocket. Java's `HttpClient` and `curl --http2` offer
 * HTTP/2 (`Upgrade: h2c`) with their first request. Node before 22.21 takes every such request away from the server as
 * soon as the server accepts any upgrade; it decides by `upgrade`, which its parser sets before the headers are known.
 */
class PlainUnlessWebsocket extends IncomingMessage {
  declare private offered: boolean | null;

  set upgrade(offered: boolean | null) {
    this.offered = offered;
  }

  get upgrade(): boolean | null {
    return this.offered && (this.method === 'CONNECT' || isForWebsocket(this));
  }
}

/** Options of Node's server. Newer versions of Node have the second one, which says the same. */
export const upgradeOptions = {
  IncomingMessage: PlainUnlessWebsocket,
  shouldUpgradeCallback: isForWebsocket,
} as ServerOptions;
