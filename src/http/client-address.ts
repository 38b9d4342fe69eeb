/**
 * The address of a client, by which anonymous requests are counted. `X-Forwarded-For` is believed as far as proxies wrote
 * it that TRUSTED_PROXIES names; whatever a client wrote into it is not.
 */
import type { IncomingMessage } from 'node:http';
import proxyaddr from '@fastify/proxy-addr';
import ipaddr from 'ipaddr.js';
import { remembering } from './remembering.js';

/** Finds the address of a client. */
export type ClientAddress = (request: IncomingMessage) => string;

/** The groups of an IPv6 address that name a network: a client has all addresses of it. */
const NETWORK_GROUPS = 4;

/** @param trustedProxies addresses and networks, as in TRUSTED_PROXIES */
export function clientAddress(trustedProxies: readonly string[]): ClientAddress {
  if (trustedProxies.length === 0) return ({ socket }) => counted(socket.remoteAddress, '');
  const isTrusted = proxyaddr.compile([...trustedProxies]);
  return (request) => {
    const direct = request.socket.remoteAddress;
    // A client without an address, on a Unix socket, is a proxy on this machine.
    const trust = (address: string, hop: number) =>
      (hop === 0 && direct === undefined) || isTrusted(address, hop);
    return counted(proxyaddr(request, trust), counted(direct, ''));
  };
}

/** The address of IPv4, or the network of IPv6; `otherwise` for what is no address. */
const counted = (address: string | undefined, otherwise: string): string =>
  (address !== undefined && networkOf(address)) || otherwise;

/** Empty for what is no address. */
const networkOf = remembering((address) => {
  if (!ipaddr.isValid(address)) return '';
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6
    ? `${parsed.parts
        .slice(0, NETWORK_GROUPS)
        .map((group) => group.toString(16))
        .join(':')}::/64`
    : parsed.toString();
});
