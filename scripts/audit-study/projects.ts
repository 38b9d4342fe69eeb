/** The projects of the studies: their names, commits, and how their schemas are applied. Nothing of their content. */

/** How the files of a project become the statements of its schema. */
export type Form =
  /** Files as they are, in the order of their paths. */
  | 'plain'
  /** Only what goes up, between the marks of goose, dbmate or sql-migrate. */
  | 'up'
  /** `migration.sql` in a folder for each migration. */
  | 'prisma'
  /** By psql, because the file includes others. */
  | 'psql'
  /** Tables in the order that a comment at their beginning gives, each followed by a template. */
  | 'logto';

export interface Project {
  readonly name: string;
  readonly commit: string;
  /** The round of the study in which it was first used: 1 to 4. */
  readonly round: 1 | 2 | 3 | 4;
  /** A part of the project that has a database of its own. */
  readonly part?: string;
  /** Matches the paths of the files. */
  readonly files: RegExp;
  readonly form?: Form;
  /** What the project makes elsewhere, and its migrations take for granted. */
  readonly first?: string;
  /** Corrects a file that is a template, or that another program than psql splits. */
  readonly amend?: (text: string) => string;
  /** Gets the schemas and roles of the platform first. */
  readonly supabase?: boolean;
  /** The application's role; without one, a role that may read and write every table is made. */
  readonly role?: string;
  /** The names of the tenant columns, judged by a person; empty where no column has the tenant. */
  readonly tenant: readonly string[];
}

const SUPABASE = /^supabase\/migrations\/[^/]+\.sql$/;
const supabase = (
  round: Project['round'],
  name: string,
  commit: string,
  tenant: readonly string[],
  files: RegExp = SUPABASE,
): Project => ({ name, commit, round, files, supabase: true, role: 'authenticated', tenant });
const own = (
  round: Project['round'],
  name: string,
  commit: string,
  tenant: readonly string[],
  files: RegExp,
  more: Partial<Project> = {},
): Project => ({ name, commit, round, files, tenant, ...more });
const roleIfMissing = (name: string): string =>
  `DO $$ BEGIN IF to_regrole('${name}') IS NULL THEN CREATE ROLE ${name}; END IF; END $$`;
const SAAS_USER = roleIfMissing('saas_user');
const PRISMA = { form: 'prisma' } as const;

export const PROJECTS: readonly Project[] = [
  supabase(1, 'makerkit/nextjs-saas-starter-kit-lite', '0c35b7f', [], /^apps\/web\/supabase\/migrations\//),
  supabase(1, 'usebasejump/basejump', 'cfaeaa3', ['account_id']),
  supabase(1, 'mckaywrigley/chatbot-ui', '81328b6', ['user_id']),
  supabase(
    1,
    'imbhargav5/nextbase-nextjs-supabase-starter',
    '2371c30',
    ['author_id', 'owner_id'],
    /^apps\/database\/supabase\/migrations\//,
  ),
  supabase(1, 'point-source/supabase-tenant-rbac', '2400ad7', ['group_id']),
  supabase(1, 'KolbySisk/next-supabase-stripe-starter', 'ba6f9c3', ['user_id']),
  own(1, 'dthyresson/prisma-extension-supabase-rls', 'b548611', [], /^prisma\/migrations\/.*\.sql$/, {
    ...PRISMA,
    supabase: true,
    role: 'authenticated',
  }),
  own(
    1,
    'prisma/prisma-client-extensions',
    '538c6eb',
    ['companyId'],
    /^row-level-security\/prisma\/migrations\/.*\.sql$/,
    PRISMA,
  ),
  own(
    1,
    'tuii-dev/braille-dev',
    '4cd58a9',
    ['tenantId'],
    /^packages\/prisma\/prisma\/migrations\/.*\.sql$/,
    PRISMA,
  ),
  own(1, 'ramiz4/simple-pos', '80aace5', ['tenantId'], /^apps\/api\/prisma\/migrations\/.*\.sql$/, PRISMA),
  own(1, 'ivorscott/saas-core', '5e89bc7', [], /^internal\/admin\/res\/migrations\/.*\.up\.sql$/, {
    part: 'admin',
  }),
  own(
    1,
    'ivorscott/saas-core',
    '5e89bc7',
    ['tenant_id'],
    /^internal\/project\/res\/migrations\/.*\.up\.sql$/,
    { part: 'project', role: 'user_a' },
  ),
  own(
    1,
    'ivorscott/saas-core',
    '5e89bc7',
    ['tenant_id'],
    /^internal\/subscription\/res\/migrations\/.*\.up\.sql$/,
    { part: 'subscription', role: 'user_a' },
  ),
  own(1, 'ivorscott/saas-core', '5e89bc7', ['tenant_id'], /^internal\/user\/res\/migrations\/.*\.up\.sql$/, {
    part: 'user',
    role: 'user_a',
  }),
  own(1, 'Axbon/radler', '48aef17', ['tenant_id'], /^src\/database\/migrations\/tenants_registry\//, {
    part: 'registry',
    form: 'up',
    first: SAAS_USER,
  }),
  own(1, 'Axbon/radler', '48aef17', ['tenant_id'], /^src\/database\/migrations\/tenants_data\//, {
    part: 'data',
    form: 'up',
    first: SAAS_USER,
    role: 'saas_user',
  }),
  own(1, 'Fahrizal0112/Row-Level-Security-Backend', '43004fd', ['tenant_id'], /^migrations\/.*\.up\.sql$/),
  own(1, 'aws-samples/aws-saas-factory-postgresql-rls', '78ad392', ['tenant_id'], /bootstrap\.sql$/, {
    role: 'study_tenant',
    amend: (text) =>
      text.replaceAll(/\{\{\w+\}\}/g, 'study_tenant').replaceAll(/^\$\$\s*\n\s*\n/gm, '$$$$;\n\n'),
  }),
  own(1, 'logto-io/logto', '1fbc554', ['tenant_id'], /^packages\/schemas\/tables\/.*\.sql$/, {
    form: 'logto',
    role: 'logto_tenant_study',
    first:
      'CREATE TABLE tenants (id varchar(21) PRIMARY KEY, db_user varchar(128) UNIQUE, db_user_password varchar(128), ' +
      'tag varchar(64), name varchar(128), created_at timestamptz, is_suspended boolean NOT NULL DEFAULT false)',
  }),
  own(1, 'graphile/starter', '5f37787', ['organization_id'], /^data\/schema\.sql$/, {
    role: 'graphile_starter_visitor',
    first: `${roleIfMissing('graphile_starter')};${roleIfMissing('graphile_starter_visitor')}`,
  }),
  own(1, 'boxyhq/saas-starter-kit', 'abc9b68', ['teamId'], /^prisma\/migrations\/.*\.sql$/, PRISMA),
  own(1, 'documenso/documenso', '7533016', ['teamId'], /^packages\/prisma\/migrations\/.*\.sql$/, PRISMA),
  own(
    1,
    'formbricks/formbricks',
    'b66c1dd',
    ['workspaceId'],
    /^packages\/database\/migration\/.*\.sql$/,
    PRISMA,
  ),
  own(1, 'mfts/papermark', '7ff2e65', ['teamId'], /^prisma\/migrations\/.*\.sql$/, PRISMA),
  own(
    1,
    'langfuse/langfuse',
    '6275144',
    ['project_id'],
    /^packages\/shared\/prisma\/migrations\/.*\.sql$/,
    PRISMA,
  ),
  own(
    1,
    'triggerdotdev/trigger.dev',
    'b082e44',
    ['organizationId'],
    /^internal-packages\/database\/prisma\/migrations\/.*\.sql$/,
    PRISMA,
  ),
  own(
    1,
    'cerebruminc/yates',
    'b39cfa9',
    ['organizationId'],
    /^prisma\/primary\/migrations\/.*\.sql$/,
    PRISMA,
  ),
  own(1, 'citusdata/citus-example-ad-analytics', '718349e', ['company_id'], /^db\/structure\.sql$/),
  supabase(2, 'vercel/nextjs-subscription-payments', 'bdd0813', ['user_id']),
  supabase(2, 'Razikus/supabase-nextjs-template', '9e29445', ['owner'], /^supabase\/migrations\//),
  supabase(
    2,
    'liam-hq/liam',
    '92156ea',
    ['organization_id'],
    /^frontend\/internal-packages\/db\/supabase\/migrations\//,
  ),
  supabase(2, 'Cap-go/capgo', '4bc7d83', ['owner_org', 'org_id']),
  own(2, 'e2b-dev/infra', '54693ff', ['team_id'], /^packages\/db\/migrations\//, { form: 'up' }),
  own(2, 'dittofeed/dittofeed', '52b2bee', ['workspaceId'], /^packages\/backend-lib\/drizzle\/[^/]*\.sql$/),
  own(2, 'AppFlowy-IO/AppFlowy-Cloud', '4fb9c92', ['workspace_id'], /^migrations\//, {
    supabase: true,
    role: 'authenticated',
  }),
  own(
    2,
    'lukevella/rallly',
    'c629b31',
    ['space_id'],
    /^packages\/database\/prisma\/migrations\/.*\.sql$/,
    PRISMA,
  ),
  own(
    2,
    'hatchet-dev/hatchet',
    '89d130f',
    ['tenantId', 'tenant_id'],
    /^cmd\/hatchet-migrate\/migrate\/migrations\/.*\.sql$/,
    { form: 'up' },
  ),
  own(2, 'getlago/lago-api', '1b1c24a', ['organization_id'], /^db\/structure\.sql$/),
  own(
    2,
    'baptisteArno/typebot.io',
    '830ba71',
    ['workspaceId'],
    /^packages\/prisma\/postgresql\/migrations\/.*\.sql$/,
    PRISMA,
  ),
  own(2, 'openmeterio/openmeter', '7e57a39', ['namespace'], /^tools\/migrate\/migrations\/.*\.up\.sql$/),
  supabase(3, 'matiasbattocchia/open-bsp-api', '5919986', ['organization_id']),
  supabase(3, 'gptekllc/zopro', '12f3a53', ['company_id']),
  supabase(3, 'rafaellacassani/argos-x', '9e7765f', ['workspace_id']),
  supabase(3, 'lefilcompany/zen-demand', '0851587', ['team_id']),
  supabase(3, 'siza083/produtive', 'e5ba61c', ['team_id']),
  supabase(3, 'edgardjnr/barbearia', '8005d9a', ['organization_id']),
  own(3, 'tambo-ai/tambo-cloud', 'de17167', ['project_id'], /^packages\/db\/migrations\/[^/]*\.sql$/, {
    supabase: true,
    role: 'authenticated',
  }),
  own(3, 'gurvirsinghdev/daddypdf.com', 'ec716df', ['team_id'], /^drizzle\/[^/]*\.sql$/),
  supabase(3, 'vewrite/vewrite', 'b558bd1', []),
  own(3, 'Arescoreadmin/fg-core', 'e23608c', ['tenant_id'], /^migrations\/postgres\/.*(?<!rollback)\.sql$/),
  own(3, 'zeebonk/database', 'c4f9be4', ['owner_uuid'], /^psql\/main\.sql$/, { form: 'psql' }),
  own(
    4,
    'juggajay/siteproof-v2',
    '6aa4b8d',
    ['organization_id'],
    /^packages\/database\/migrations\/[^/]*\.sql$/,
    { supabase: true, role: 'authenticated' },
  ),
  supabase(4, 'AI-Kurukshetra/cloudbooks', 'd2e8551', ['organization_id']),
  supabase(4, 'bfoh/hostel-multi-tenant', 'e714e7f', ['tenant_id']),
  supabase(4, 'AnderrDev/moveon_pos', '6373879', ['tienda_id']),
  supabase(4, 'AllenHe1106/PropNest', '1a30588', ['organization_id']),
  supabase(4, 'Danielgbit/SaaS-Multitenant', 'db28dd0', ['organization_id']),
  supabase(4, 'onlook-dev/onlook', 'ab9333d', ['project_id'], /^apps\/backend\/supabase\/migrations\//),
  supabase(4, 'Rochthii/secure-multitenant-saas', '767e6e1', ['tenant_id']),
  own(4, 'hornosg/rl-support-service', '17ea6fe', ['tenant_id'], /^migrations\//),
  own(4, '3bsolutionsltd/amis-multi-tenant', '60962de', ['tenant_id'], /^db\/migrations\/[^/]*\.sql$/, {
    form: 'up',
  }),
];

/** The name of a project's database. */
export function databaseOf({ name, part }: Project): string {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
  return `study_${plain}${part === undefined ? '' : `_${part}`}`.slice(0, 63);
}
