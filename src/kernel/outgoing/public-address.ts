/**
 * Which addresses are on the public Internet. Everything that is not known to be public is refused: a range that is new
 * to the tables is refused as well, instead of being open.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * The only IPv6 addresses that are given out for the public Internet (RFC 4291). Outside of them lie every form that hides
 * an IPv4 address in front of the last 32 bits: mapped (::ffff:0:0/96), compatible (::/96), translated (64:ff9b::/96 and
 * 64:ff9b:1::/48).
 */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/** Public by its number, but answered by the host of an Azure machine, with its secrets. */
const METADATA_OF_AZURE = '168.63.129.16';

/**
 * Whether a socket that connects to `address` reaches the public Internet. False for private, shared, loopback,
 * link-local, multicast, reserved and documentation addresses, for the addresses of metadata services, for IPv6 addresses
 * that carry an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo), and for a text that is no address.
 */
export function isPublicAddress(address: string): boolean {
  // Stricter than ipaddr.js, which also reads octal and hexadecimal numbers; sockets ask the same function.
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv6 ? parsed.match(GLOBAL_UNICAST) : address !== METADATA_OF_AZURE;
}
