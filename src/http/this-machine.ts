import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/**
 * Whether a browser on this machine asks for a name of this machine. The name keeps out pages whose own name leads here
 * (DNS rebinding), and the header what a proxy passes on.
 */
export function isOfThisMachine({ ip, hostname, headers }: FastifyRequest): boolean {
  const isLoopback = (address: string) => /^(::ffff:)?127\.|^::1$/.test(address);
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  const isOurName = isIP(name) > 0 ? isLoopback(name) : /(^|\.)localhost$/i.test(name);
  return (
    isLoopback(ip) && isOurName && headers['x-forwarded-for'] === undefined && headers.forwarded === undefined
  );
}
