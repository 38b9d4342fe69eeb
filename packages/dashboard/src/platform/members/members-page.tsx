import { useState, type ReactNode } from 'react';
import {
  ChangeMemberRoleDocument,
  GrantableRolesDocument,
  MembersDocument,
  RemoveMemberDocument,
  type MembersQuery,
  type OrderDirection,
  type Role,
} from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Confirm, Dialog } from '../../kit/dialog.js';
import { Choice } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { Time, useTexts } from '../../kit/language.js';
import { Badge, Title } from '../../kit/states.js';
import { useGrantable } from '../../session/grantable.js';
import { List, type Column } from '../../session/list.js';
import { Person } from '../../session/person.js';
import { Refusals, useAction, useRead } from '../../session/use-api.js';
import { useFilters } from '../../session/use-filters.js';
import { useMay } from '../../session/permissions.js';
import { useViewer } from '../../session/viewer.js';

type Member = NonNullable<MembersQuery['members']>['nodes'][number];

const nameOf = ({ email, userId }: Member): string => email ?? userId;

/** The members, and what may be done with them. */
export default function MembersPage(): ReactNode {
  const texts = useTexts();
  const me = useViewer();
  const may = useMay();
  const [filters, setFilters] = useFilters();
  const [changed, setChanged] = useState<Member>();
  const [removed, setRemoved] = useState<Member>();
  const change = useAction(ChangeMemberRoleDocument);
  const remove = useAction(RemoveMemberDocument);
  const seesAddresses = may('USERS_MANAGE');
  const role = filters['role'] as Role | undefined;
  const search = filters['search'];
  const columns: Column<Member>[] = [
    {
      title: texts.members.member,
      isName: true,
      cell: (member) => (
        <>
          <Person id={member.userId} member={member} />
          {member.userId === me.userId && <Badge>{texts.members.you}</Badge>}
        </>
      ),
    },
    { title: texts.members.role, cell: (member) => texts.roles.names[member.role] },
    { title: texts.members.joined, cell: (member) => <Time value={member.joinedAt} /> },
  ];
  if (seesAddresses) {
    columns.push({
      title: texts.members.invitedBy,
      cell: ({ invitedByMember }) =>
        invitedByMember ? <Person id={invitedByMember.userId} member={invitedByMember} /> : '–',
    });
  }
  if (change.isOffered || remove.isOffered) {
    columns.push({
      title: texts.kit.actions,
      cell: (member) => (
        <div className="row-actions">
          {change.isOffered && (
            <Button
              kind="quiet"
              aria-label={texts.kit.of(texts.members.changeRole, nameOf(member))}
              onClick={() => setChanged(member)}
            >
              {texts.members.changeRole}
            </Button>
          )}
          {remove.isOffered && (
            <Button
              kind="quiet"
              aria-label={texts.kit.of(texts.kit.remove, nameOf(member))}
              onClick={() => setRemoved(member)}
            >
              {texts.kit.remove}
            </Button>
          )}
        </div>
      ),
    });
  }
  return (
    <>
      <Title />
      <search className="filters">
        {seesAddresses && (
          <Field
            label={texts.kit.search}
            value={search ?? ''}
            onChange={(value) => setFilters({ search: value })}
            type="search"
          />
        )}
        <Choice
          label={texts.members.role}
          value={role ?? ''}
          options={{ '': texts.kit.all, ...texts.roles.names }}
          onChange={(value) => setFilters({ role: value })}
        />
        <Choice
          label={texts.members.order}
          value={filters['order'] ?? 'ASC'}
          options={texts.members.orders}
          onChange={(order) => setFilters({ order })}
        />
      </search>
      <List
        document={MembersDocument}
        variables={{
          filter: {
            ...(role && { role }),
            ...(seesAddresses && search !== undefined && { email: { contains: search } }),
          },
          orderBy: { direction: (filters['order'] ?? 'ASC') as OrderDirection },
        }}
        connectionOf={(data) => data.members}
        label={texts.members.label}
        columns={columns}
        empty={texts.members.empty}
        keyOf={({ id }) => id}
      />
      {changed && (
        <ChangeRole
          member={changed}
          change={change}
          onClose={() => {
            setChanged(undefined);
            change.forget();
          }}
        />
      )}
      {removed && (
        <Confirm
          title={texts.members.removeTitle}
          action={texts.kit.remove}
          isBusy={remove.isBusy}
          onClose={() => {
            setRemoved(undefined);
            remove.forget();
          }}
          onConfirm={() =>
            void remove.run({ id: removed.id }).then((done) => {
              if (done) setRemoved(undefined);
            })
          }
        >
          <p>{texts.members.removeText(nameOf(removed))}</p>
          <Refusals refusals={remove.refusals} />
        </Confirm>
      )}
    </>
  );
}

function ChangeRole({
  member,
  change,
  onClose,
}: {
  readonly member: Member;
  readonly change: ReturnType<typeof useAction<unknown, { id: string; role: Role }>>;
  readonly onClose: () => void;
}): ReactNode {
  const texts = useTexts();
  const [role, setRole] = useState(member.role);
  const grantable = useGrantable(useRead(GrantableRolesDocument, {}).data?.roles);
  return (
    <Dialog title={texts.kit.of(texts.members.changeRole, nameOf(member))} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void change.run({ id: member.id, role }).then((done) => {
            if (done) onClose();
          });
        }}
      >
        <Choice
          label={texts.members.role}
          value={role}
          options={Object.fromEntries(
            [...new Set([member.role, ...grantable])].map((name) => [name, texts.roles.names[name]]),
          )}
          onChange={setRole}
        />
        <Refusals refusals={change.refusals} />
        <div className="actions">
          <Button onClick={onClose}>{texts.kit.cancel}</Button>
          <Button kind="primary" type="submit" disabled={change.isBusy}>
            {texts.kit.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
