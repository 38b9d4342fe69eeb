/**
 * The rules S05 to S07 over application code, and accepted findings: what each rule finds, and similar code that it
 * must not flag.
 */
import { describe, expect, it } from 'vitest';
import { audit, places, one } from './audited-source.js';

describe('S05: job without a tenant', () => {
  const bull = `import { Queue } from 'bullmq';\nexport const mails = new Queue('mails');`;

  it('finds payloads of every queue that name no tenant', () => {
    expect(one(`await addJob('send', { userId });`)).toEqual(['S05 src/a.ts:1:7']);
    expect(one(`await quickAddJob({}, 'send', { userId });`)).toEqual(['S05 src/a.ts:1:7']);
    expect(one(`${bull}\nconst data = { userId };\nmails.add('send', data);`)).toEqual(['S05 src/a.ts:4:1']);
    expect(
      places({ 'src/q.ts': bull, 'src/a.ts': `import { mails } from './q.js';\nmails.add('send', { id });` }),
    ).toEqual(['S05 src/a.ts:2:1']);
    expect(
      one(`import PgBoss from 'pg-boss';\nconst boss = new PgBoss(url);\nboss.send('x', { id });`),
    ).toEqual(['S05 src/a.ts:3:1']);
    expect(
      one(
        `import { Agenda } from 'agenda';\nconst agenda = new Agenda();\nagenda.schedule('in 1 day', 'x', { id });`,
      ),
    ).toEqual(['S05 src/a.ts:3:1']);
    expect(one(`new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ orderId }) });`)).toEqual([
      'S05 src/a.ts:1:1',
    ]);
    expect(
      places({
        'db/t.sql':
          "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\nPERFORM graphile_worker.add_job('x', json_build_object('id', NEW.id));\nEND $$;",
      }),
    ).toEqual(['S05 db/t.sql:2:25']);
  });

  it.each([
    `addJob('send', { userId, tenantId });`,
    `addJob('mail', { to, subject, valid, body });`,
    `addJob('send', { ...context, userId });`,
    `addJob('send', payload);`,
    `addJob('cleanup');`,
    `addJob('cleanup', {});`,
    `addJob('send', { userId }, { queueName: tenant.id });`,
    `const set = new Set();\nset.add('x', { id });`,
    "tx.$executeRaw`SELECT graphile_worker.add_job('x', json_build_object('tenant', ${tenantId}, 'id', ${id}))`;",
    `socket.send('x', { id });`,
  ])('leaves alone %s', (text) => {
    expect(one(text)).toEqual([]);
  });
});

describe('S06: tenant bound by a batch inside an extension', () => {
  const extension = (body: string): string =>
    `prisma.$extends({ query: { $allModels: { async $allOperations({ args, query }) {\n${body}\n} } } });`;

  it('finds the batch', () => {
    expect(
      one(
        extension(
          "const [, result] = await prisma.$transaction([prisma.$executeRaw`SELECT set_config('app.tenant', ${t}, true)`, query(args)]);\nreturn result;",
        ),
      ),
    ).toEqual(['S06 src/a.ts:2:26']);
  });

  it('leaves alone a batch outside an extension, and an extension without a batch', () => {
    expect(
      one('await prisma.$transaction([prisma.$executeRaw`select 1`, prisma.user.create(data)]);'),
    ).toEqual([]);
    expect(
      one(
        extension('return prisma.$transaction(async (tx) => { await bind(tx); return replay(tx, args); });'),
      ),
    ).toEqual([]);
  });
});

describe('S07: DataLoader shared by all requests', () => {
  it('finds one that is created when the module loads, also as a static field', () => {
    expect(
      one(
        `import DataLoader from 'dataloader';\nexport const users = new DataLoader(load);\nclass A { static users = new DataLoader(load); }`,
      ),
    ).toEqual(['S07 src/a.ts:2:22', 'S07 src/a.ts:3:26']);
  });

  it('leaves alone one that is created for each request', () => {
    expect(
      one(
        `import DataLoader from 'dataloader';\nexport const loaders = () => ({ users: new DataLoader(load) });\nclass A { users = new DataLoader(load); }`,
      ),
    ).toEqual([]);
  });
});

describe('a finding that the code accepts', () => {
  const bad = `client.query("SET app.current_tenant = 'x'");`;

  it('is set aside with its reason by a comment on its line or above it, for the named rule only', () => {
    const { findings, suppressed } = audit({
      'src/a.ts': [
        `${bad} // tenantry-audit-ignore S01: a connection of its own`,
        '// tenantry-audit-ignore S03, S01: a script',
        '// that runs once',
        bad,
        '// tenantry-audit-ignore S03: another rule',
        bad,
      ].join('\n'),
    });
    expect(suppressed.map(({ finding, reason }) => [finding.location?.line, reason])).toEqual([
      [1, 'a connection of its own'],
      [4, 'a script'],
    ]);
    expect(findings.map(({ location }) => location?.line)).toEqual([6]);
  });

  it('stays a finding without a reason', () => {
    const { findings } = audit({ 'src/a.ts': `// tenantry-audit-ignore S01\n${bad}` });
    expect(findings.map(({ evidence }) => evidence)).toEqual([
      expect.stringContaining('the comment that ignores it gives no reason'),
    ]);
  });
});
