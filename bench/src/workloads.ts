/**
 * The workloads. Their documents differ between contestants because the schemas do: PostGraphile derives its names from
 * the tables. They ask for the same data, and the answers must be equal.
 */
import type { ContestantName } from './contestants.js';

export type WorkloadName = 'W1' | 'W2' | 'W3' | 'W4' | 'W5' | 'W7' | 'Slow';

export interface Workload {
  readonly name: WorkloadName;
  readonly title: string;
  /** The caller: the tenant's owner, who may read everything, or a viewer. */
  readonly caller: 'owner' | 'viewer';
  /** Whether the document selects fields that the caller may not read. Each of them is null and has an error. */
  readonly refused: boolean;
  readonly writes: boolean;
  /** The documents of each contestant that takes part. Requests take them in turn. */
  readonly documents: Partial<Record<ContestantName, readonly string[]>>;
  /** Whether requests name their document by its hash: it is one that the server knows since its start. */
  readonly trusted?: true;
}

const CONVERSATION = 'id userId body createdAt';
const ROW_CONVERSATION = 'id: rowId userId body createdAt';

const graphql = (document: string) => ({ tenantry: [document], recipe: [document], handwritten: [document] });

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'W1',
    title: 'a list: 20 conversations, four fields each',
    caller: 'owner',
    refused: false,
    writes: false,
    documents: {
      ...graphql(`query W1 { conversations(first: 20) { nodes { ${CONVERSATION} } } }`),
      postgraphile: [
        `query W1 { conversations(first: 20, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { ${ROW_CONVERSATION} } } }`,
      ],
    },
  },
  {
    name: 'W2',
    title: 'nested lists: W1 with 5 messages of each',
    caller: 'owner',
    refused: false,
    writes: false,
    documents: {
      ...graphql(
        `query W2 { conversations(first: 20) { nodes { ${CONVERSATION} messages(first: 5) { nodes { id body createdAt } } } } }`,
      ),
      postgraphile: [
        `query W2 { conversations(first: 20, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { ${ROW_CONVERSATION} messages: messagesByTenantIdAndConversationId(first: 5, orderBy: [CREATED_AT_ASC, ROW_ID_ASC]) { nodes { id: rowId body createdAt } } } } }`,
      ],
    },
  },
  {
    name: 'W4',
    title: 'a dashboard: me, tenant, 10 members, 10 conversations, 10 audit entries',
    caller: 'owner',
    refused: false,
    writes: false,
    documents: {
      ...graphql(
        `query W4 { me { userId email role } tenant { id slug name plan } members(first: 10) { nodes { id userId role joinedAt email } } conversations(first: 10) { nodes { ${CONVERSATION} } } auditLog(first: 10) { nodes { id actor action entity entityId createdAt } } }`,
      ),
      postgraphile: [
        `query W4 { me { userId email role } tenant: currentTenant { id: rowId slug name plan } members: memberships(first: 10, orderBy: [JOINED_AT_ASC, ROW_ID_ASC]) { nodes { id: rowId userId role joinedAt email } } conversations(first: 10, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { ${ROW_CONVERSATION} } } auditLog: auditLogs(first: 10, orderBy: ROW_ID_DESC) { nodes { id: rowId actor action entity entityId createdAt } } }`,
      ],
    },
  },
  {
    name: 'W5',
    title: 'refused fields: W1 as a viewer, who may read neither e-mail addresses nor the audit log',
    caller: 'viewer',
    refused: true,
    writes: false,
    documents: {
      tenantry: [
        `query W5 { conversations(first: 20) { nodes { ${CONVERSATION} } } members(first: 5) { nodes { email } } auditLog(first: 5) { nodes { id } } }`,
      ],
      recipe: [
        `query W5 { conversations(first: 20) { nodes { ${CONVERSATION} } } members(first: 5) { nodes { email } } auditLog(first: 5) { nodes { id } } }`,
      ],
    },
  },
  {
    name: 'W3',
    title: 'a write: one conversation, with its audit entry',
    caller: 'owner',
    refused: false,
    writes: true,
    documents: {
      ...graphql(
        `mutation W3($body: String!, $subject: String) { createConversation(input: { body: $body, subject: $subject }) { conversation { ${CONVERSATION} } } }`,
      ),
      postgraphile: [
        `mutation W3($body: String!, $subject: String, $userId: String!) { createConversation(input: { conversation: { body: $body, subject: $subject, userId: $userId } }) { conversation { ${ROW_CONVERSATION} } } }`,
      ],
    },
  },
  {
    name: 'W7',
    title:
      'the mix of a dashboard, by trusted documents: lists, one conversation, members, own role, audit log',
    caller: 'owner',
    refused: false,
    writes: false,
    trusted: true,
    documents: { tenantry: mixed('tenantry'), postgraphile: mixed('postgraphile') },
  },
];

/**
 * What a dashboard asks for, as often as it does: of ten requests four are for the list, three for what is opened from it,
 * and one each for the members, the own role with the tenant, and the audit log.
 */
function mixed(schema: 'tenantry' | 'postgraphile'): string[] {
  const isOurs = schema === 'tenantry';
  const conversation = isOurs ? CONVERSATION : ROW_CONVERSATION;
  const id = isOurs ? 'id' : 'id: rowId';
  const newest = isOurs ? '' : ', orderBy: [CREATED_AT_DESC, ROW_ID_DESC]';
  const oldest = isOurs ? '' : ', orderBy: [CREATED_AT_ASC, ROW_ID_ASC]';
  const messages = isOurs ? 'messages' : 'messages: messagesByTenantIdAndConversationId';
  const members = isOurs
    ? 'members(first: 20)'
    : 'members: memberships(first: 20, orderBy: [JOINED_AT_ASC, ROW_ID_ASC])';
  const tenant = isOurs ? 'tenant { id' : 'tenant: currentTenant { id: rowId';
  const auditLog = isOurs ? 'auditLog(first: 20)' : 'auditLog: auditLogs(first: 20, orderBy: ROW_ID_DESC)';
  const list = `query List { conversations(first: 20${newest}) { nodes { ${conversation} } pageInfo { hasNextPage } } }`;
  const opened = `query Opened { conversations(first: 1${newest}) { nodes { ${conversation} ${messages}(first: 20${oldest}) { nodes { ${id} userId body createdAt } } } } }`;
  const people = `query Members { ${members} { nodes { ${id} userId role joinedAt email } } }`;
  const own = `query Own { me { userId email role } ${tenant} slug name plan } }`;
  const log = `query Log { ${auditLog} { nodes { ${id} actor action entity entityId createdAt } } }`;
  return [list, opened, list, people, opened, list, own, opened, list, log];
}

/** The requests of the noisy tenant: `slowDown` makes them last. */
export const SLOW: Workload = {
  name: 'Slow',
  title: 'a transaction that waits',
  caller: 'owner',
  refused: false,
  writes: false,
  documents: {
    ...graphql('query Slow { auditLog(first: 1) { nodes { id } } }'),
    postgraphile: [
      'query Slow { auditLog: auditLogs(first: 1, orderBy: ROW_ID_DESC) { nodes { id: rowId } } }',
    ],
  },
};
