/** Mutants of outgoing requests and of the secrets of webhooks: a tenant reaches the inner network, or reads more than it may. */
import { edit, type MutantGroup } from './mutant.js';

const ADDRESSES = 'test/kernel/outgoing-addresses.unit.test.ts';
const REQUESTS = 'test/kernel/outgoing.unit.test.ts';
const SEALED = 'test/kernel/sealed-secrets.unit.test.ts';
const DELIVERIES = 'test/platform/webhook-deliveries.slow.test.ts';
const REPAIRS = 'test/platform/webhook-repairs.test.ts';
const ROWS = 'test/platform/webhook-rows.test.ts';

export const outgoing: MutantGroup = {
  title: 'Outgoing requests and webhooks',
  mutants: [
    {
      name: 'private-addresses-asked',
      breaks: 'a webhook reaches private, loopback, link-local and metadata addresses',
      edits: [
        edit(
          'src/kernel/outgoing/public-address.ts',
          "  if (parsed.range() !== 'unicast') return false;\n",
          '',
        ),
      ],
      tests: [ADDRESSES],
    },
    {
      name: 'compatible-addresses-asked',
      breaks: 'an IPv4 address in the old form of IPv6 (`::7f00:1`) passes',
      edits: [
        edit(
          'src/kernel/outgoing/public-address.ts',
          'parsed instanceof ipaddr.IPv6 ? parsed.match(GLOBAL_UNICAST)',
          'parsed instanceof ipaddr.IPv6 ? true',
        ),
      ],
      tests: [ADDRESSES],
    },
    {
      name: 'address-checked-beforehand',
      breaks: 'the socket resolves the name again after the check',
      edits: [edit('src/kernel/outgoing/outgoing.ts', '      lookup: knowing(addresses),\n', '')],
      tests: [REQUESTS],
    },
    {
      name: 'one-good-address-is-enough',
      breaks: 'a name with one public address may have private ones as well',
      edits: [
        edit(
          'src/kernel/outgoing/outgoing.ts',
          'found.filter((address) => this.#mayConnect(address))',
          '(found.some((address) => this.#mayConnect(address)) ? found : [])',
        ),
      ],
      tests: [REQUESTS],
    },
    {
      name: 'own-addresses-asked',
      breaks: 'a webhook reaches the server’s own public address from inside',
      edits: [edit('src/kernel/outgoing/outgoing.ts', ' && !this.#isOwn(address)', '')],
      tests: [REQUESTS],
    },
    {
      name: 'literal-addresses-unchecked',
      breaks: 'a URL with an address instead of a name is not checked',
      edits: [
        edit(
          'src/kernel/outgoing/outgoing.ts',
          'if (isIP(host) !== 0 && !this.#mayConnect(host))',
          'if (false)',
        ),
      ],
      tests: [ADDRESSES, REQUESTS],
    },
    {
      name: 'without-tls',
      breaks: 'messages are sent without TLS',
      edits: [
        edit(
          'src/kernel/outgoing/outgoing.ts',
          "!(url.protocol === 'http:' && isListed)",
          "url.protocol !== 'http:'",
        ),
      ],
      tests: [ADDRESSES],
    },
    {
      name: 'answers-without-end',
      breaks: 'the answer of a receiver is read to its end, however long',
      edits: [edit('src/kernel/outgoing/outgoing.ts', 'if (bytes > maxBytes)', 'if (false)')],
      tests: [REQUESTS],
    },
    {
      name: 'receivers-without-hurry',
      breaks: 'a receiver may take as long as it likes',
      edits: [
        edit(
          'src/kernel/outgoing/outgoing.ts',
          'AbortSignal.timeout(request.withinMs)',
          'AbortSignal.timeout(2 ** 31 - 1)',
        ),
      ],
      tests: [REQUESTS],
    },
    {
      name: 'secrets-without-a-place',
      breaks: 'a sealed secret can be opened in the row of another tenant',
      edits: [
        edit(
          'src/services/secrets/sealed-secrets.ts',
          "[purpose, tenantId, id].join('\\n')",
          "[purpose].join('\\n')",
        ),
      ],
      tests: [SEALED, DELIVERIES],
    },
    {
      name: 'former-secret-for-ever',
      breaks: 'a secret that was replaced stays valid',
      edits: [
        edit(
          'src/platform/webhook/webhook-secrets.ts',
          ' && now.getTime() - rotatedAt.getTime() < FORMER_VALID_MS',
          '',
        ),
      ],
      tests: [DELIVERIES],
    },
    {
      name: 'rows-told-as-to-an-owner',
      breaks: 'a full payload has what an owner may read, whoever made the webhook',
      edits: [edit('src/platform/webhook/message.ts', 'roles.of(member.role)', "roles.of('owner')")],
      tests: [ROWS],
    },
    {
      name: 'rows-told-beyond-the-key',
      breaks: 'a webhook that was made with an API key tells what the key may not read',
      edits: [
        edit(
          'src/platform/webhook/message.ts',
          '  if (apiKeyId === null) return held;\n',
          '  return held;\n',
        ),
      ],
      tests: [ROWS],
    },
    {
      name: 'rows-sent-elsewhere',
      breaks: 'whoever changes the URL of an owner’s webhook gets what the owner may read',
      edits: [
        edit(
          'src/platform/webhook/webhook.resolvers.ts',
          '            ...(isSentElsewhere && actingFor(context)),\n',
          '',
        ),
      ],
      tests: [ROWS],
    },
    {
      name: 'stale-attempts-count',
      breaks: 'an attempt that began before a webhook was repaired disables it',
      edits: [
        edit(
          'src/platform/webhook/deliver.ts',
          'const isStale = present.revision !== webhook.revision;',
          'const isStale = present.id !== webhook.id;',
        ),
      ],
      tests: [REPAIRS],
    },
    {
      name: 'held-for-ever',
      breaks: 'a receiver that keeps asking for time holds the messages for ever',
      edits: [
        edit(
          'src/platform/webhook/deliver.ts',
          'if (!isHeldTooLong(webhook.failingSince, delivery.roundBeganAt, now)) {',
          'if (!isHeldTooLong(null, delivery.roundBeganAt, now)) {',
        ),
      ],
      tests: [REPAIRS],
    },
  ],
};
