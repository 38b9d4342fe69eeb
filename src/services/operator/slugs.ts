/** The slugs that no tenant may have. */

/** Subdomains that a product needs for itself, or that users would trust as the product's (RFC 2142 names some). */
const RESERVED = `
  admin api app assets auth autoconfig autodiscover billing blog cdn dashboard dev docs ftp graphql help imap login mail
  metrics mta-sts ns1 ns2 oauth operator pop postmaster smtp sso staging static status support test webmail webmaster wpad
  www`;

const RESERVED_SLUGS: ReadonlySet<string> = new Set(RESERVED.trim().split(/\s+/));

/** Whether the product needs this subdomain for itself. */
export const isReserved = (slug: string): boolean => RESERVED_SLUGS.has(slug);
