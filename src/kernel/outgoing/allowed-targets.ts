/** The targets inside the own network that an operator allows: names of hosts, addresses and networks. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Network = [address: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

/** The name of a host as it is compared: in lower case, without the dot at the end and without brackets. */
export const plainHost = (hostname: string): string =>
  hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');

export class AllowedTargets {
  readonly #names: ReadonlySet<string>;
  readonly #networks: readonly Network[];

  /** @param entries names (`hooks.internal`), addresses (`10.1.2.3`, `::1`) and networks (`10.0.0.0/8`) */
  constructor(entries: readonly string[]) {
    const networks: Network[] = [];
    const names = new Set<string>();
    for (const entry of entries) {
      const network = networkOf(entry);
      if (network) networks.push(network);
      else names.add(plainHost(entry));
    }
    this.#names = names;
    this.#networks = networks;
  }

  /** Whether the host is listed by its name; such a name may have any address. */
  hasName(hostname: string): boolean {
    return this.#names.has(plainHost(hostname));
  }

  /** Whether the address is listed, itself or by its network. An IPv4 address in IPv6 form is another address. */
  hasAddress(address: string): boolean {
    if (isIP(address) === 0) return false;
    const parsed = ipaddr.parse(address);
    return this.#networks.some(
      ([network, bits]) =>
        (parsed instanceof ipaddr.IPv4 && network instanceof ipaddr.IPv4 && parsed.match(network, bits)) ||
        (parsed instanceof ipaddr.IPv6 && network instanceof ipaddr.IPv6 && parsed.match(network, bits)),
    );
  }
}

function networkOf(entry: string): Network | undefined {
  const address = plainHost(entry);
  if (isIP(address) !== 0) {
    const parsed = ipaddr.parse(address);
    return [parsed, parsed instanceof ipaddr.IPv4 ? 32 : 128];
  }
  return ipaddr.isValidCIDR(entry) ? ipaddr.parseCIDR(entry) : undefined;
}
