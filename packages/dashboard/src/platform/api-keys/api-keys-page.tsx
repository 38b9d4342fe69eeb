import { useState, type ReactNode } from 'react';
import {
  ApiKeysDocument,
  CreateApiKeyDocument,
  RevokeApiKeyDocument,
  type ApiKeyStatus,
  type ApiKeysQuery,
  type Permission,
} from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Confirm, Dialog } from '../../kit/dialog.js';
import { Choice, Tick } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { Time, useTexts } from '../../kit/language.js';
import { Secret } from '../../kit/secret.js';
import { Badge, Title } from '../../kit/states.js';
import { problemOf } from '../../session/explain.js';
import { List } from '../../session/list.js';
import { Refusals, useAction } from '../../session/use-api.js';
import { useFilters } from '../../session/use-filters.js';
import { nameOf } from '../../session/permissions.js';
import { useViewer } from '../../session/viewer.js';

type ApiKey = NonNullable<ApiKeysQuery['apiKeys']>['nodes'][number];

const KINDS = { ACTIVE: 'good', EXPIRED: 'plain', REVOKED: 'bad' } as const;
const DAY_MS = 86_400_000;

/** The keys of programs. */
export default function ApiKeysPage(): ReactNode {
  const texts = useTexts();
  const [filters, setFilters] = useFilters();
  const [isCreating, setCreating] = useState(false);
  const [revoked, setRevoked] = useState<ApiKey>();
  const revoke = useAction(RevokeApiKeyDocument);
  const status = filters['status'] as ApiKeyStatus | undefined;
  const search = filters['search'];
  return (
    <>
      <Title
        actions={
          <Button kind="primary" onClick={() => setCreating(true)}>
            {texts.apiKeys.create}
          </Button>
        }
      />
      <search className="filters">
        <Field
          label={texts.kit.search}
          value={search ?? ''}
          onChange={(value) => setFilters({ search: value })}
          type="search"
        />
        <Choice
          label={texts.kit.status}
          value={status ?? ''}
          options={{ '': texts.kit.all, ...texts.apiKeys.statuses }}
          onChange={(value) => setFilters({ status: value })}
        />
      </search>
      <List
        document={ApiKeysDocument}
        variables={{
          filter: { ...(status && { status }), ...(search !== undefined && { name: { contains: search } }) },
        }}
        connectionOf={(data) => data.apiKeys}
        label={texts.apiKeys.label}
        empty={texts.apiKeys.empty}
        keyOf={({ id }) => id}
        columns={[
          { title: texts.apiKeys.name, isName: true, cell: ({ name }) => name },
          { title: texts.apiKeys.prefix, cell: ({ prefix }) => <code>{prefix}</code> },
          {
            title: texts.kit.status,
            cell: (each) => <Badge kind={KINDS[each.status]}>{texts.apiKeys.statuses[each.status]}</Badge>,
          },
          {
            title: texts.apiKeys.permissions,
            cell: ({ permissions }) => permissions.map(nameOf).join(', '),
          },
          { title: texts.kit.created, cell: ({ createdAt }) => <Time value={createdAt} /> },
          {
            title: texts.apiKeys.expires,
            cell: ({ expiresAt }) => (expiresAt == null ? texts.apiKeys.never : <Time value={expiresAt} />),
          },
          {
            title: texts.apiKeys.lastUsed,
            cell: ({ lastUsedAt }) =>
              lastUsedAt == null ? texts.apiKeys.never : <Time value={lastUsedAt} />,
          },
          {
            title: texts.kit.actions,
            cell: (key: ApiKey) =>
              key.status === 'ACTIVE' && (
                <Button
                  kind="quiet"
                  aria-label={texts.kit.of(texts.apiKeys.revoke, key.name)}
                  onClick={() => setRevoked(key)}
                >
                  {texts.apiKeys.revoke}
                </Button>
              ),
          },
        ]}
      />
      {isCreating && <Create onClose={() => setCreating(false)} />}
      {revoked && (
        <Confirm
          title={texts.apiKeys.revokeTitle}
          action={texts.apiKeys.revoke}
          isBusy={revoke.isBusy}
          onClose={() => {
            setRevoked(undefined);
            revoke.forget();
          }}
          onConfirm={() =>
            void revoke.run({ id: revoked.id }).then((done) => {
              if (done) setRevoked(undefined);
            })
          }
        >
          <p>{texts.apiKeys.revokeText(revoked.name)}</p>
          <Refusals refusals={revoke.refusals} />
        </Confirm>
      )}
    </>
  );
}

/** A key has no permission that its creator lacks, so no other is offered. */
function Create({ onClose }: { readonly onClose: () => void }): ReactNode {
  const texts = useTexts();
  const me = useViewer();
  const create = useAction(CreateApiKeyDocument);
  const [name, setName] = useState('');
  const [permissions, setPermissions] = useState<readonly Permission[]>([]);
  const [days, setDays] = useState<'30' | '90' | '365' | ''>('90');
  const [secret, setSecret] = useState<string>();
  const send = async (): Promise<void> => {
    const expiresAt = days === '' ? undefined : new Date(Date.now() + Number(days) * DAY_MS).toISOString();
    const done = await create.run({ name, permissions: [...permissions], ...(expiresAt && { expiresAt }) });
    setSecret(done?.createApiKey?.secret);
  };
  if (secret !== undefined) {
    return (
      <Dialog title={name} onClose={onClose}>
        <Secret label={texts.apiKeys.secret} value={secret} />
        <div className="actions">
          <Button kind="primary" onClick={onClose}>
            {texts.kit.close}
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={texts.apiKeys.create} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <Field
          label={texts.apiKeys.name}
          value={name}
          onChange={setName}
          isRequired
          autoFocus
          problem={problemOf(create.refusals, 'name')}
        />
        <fieldset>
          <legend>{texts.apiKeys.permissions}</legend>
          <div className="ticks">
            {me.permissions.map((permission) => (
              <Tick
                key={permission}
                label={<code>{nameOf(permission)}</code>}
                isTicked={permissions.includes(permission)}
                onChange={(isTicked) =>
                  setPermissions(
                    isTicked
                      ? [...permissions, permission]
                      : permissions.filter((each) => each !== permission),
                  )
                }
              />
            ))}
          </div>
        </fieldset>
        <Choice
          label={texts.apiKeys.expiresAfter}
          value={days}
          options={texts.apiKeys.lifetimes}
          onChange={setDays}
        />
        <Refusals refusals={create.refusals} />
        <div className="actions">
          <Button onClick={onClose}>{texts.kit.cancel}</Button>
          <Button kind="primary" type="submit" disabled={create.isBusy || permissions.length === 0}>
            {texts.apiKeys.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
