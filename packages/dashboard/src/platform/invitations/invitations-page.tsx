import { useState, type ReactNode } from 'react';
import {
  InvitableRolesDocument,
  InvitationsDocument,
  InviteMemberDocument,
  RevokeInvitationDocument,
  type InvitationStatus,
  type InvitationsQuery,
  type Role,
} from '../../generated/graphql.js';
import { Breakable } from '../../kit/breakable.js';
import { Button } from '../../kit/button.js';
import { Dialog } from '../../kit/dialog.js';
import { Choice } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { Time, useTexts } from '../../kit/language.js';
import { Badge, Notice, Title } from '../../kit/states.js';
import { problemOf } from '../../session/explain.js';
import { useGrantable } from '../../session/grantable.js';
import { List } from '../../session/list.js';
import { Refusals, useAction, useRead } from '../../session/use-api.js';
import { useFilters } from '../../session/use-filters.js';

type Invitation = NonNullable<InvitationsQuery['invitations']>['nodes'][number];

const KINDS = { PENDING: 'busy', ACCEPTED: 'good', EXPIRED: 'plain', REVOKED: 'bad' } as const;

/** Who was invited, and inviting others. */
export default function InvitationsPage(): ReactNode {
  const texts = useTexts();
  const [filters, setFilters] = useFilters();
  const [isInviting, setInviting] = useState(false);
  const [told, setTold] = useState<string>();
  const revoke = useAction(RevokeInvitationDocument);
  const status = filters['status'] as InvitationStatus | undefined;
  const search = filters['search'];
  return (
    <>
      <Title
        actions={
          <Button kind="primary" onClick={() => setInviting(true)}>
            {texts.invitations.invite}
          </Button>
        }
      />
      {told !== undefined && <Notice kind="good">{told}</Notice>}
      <Refusals refusals={revoke.refusals} />
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
          options={{ '': texts.kit.all, ...texts.invitations.statuses }}
          onChange={(value) => setFilters({ status: value })}
        />
      </search>
      <List
        document={InvitationsDocument}
        variables={{
          filter: { ...(status && { status }), ...(search !== undefined && { email: { contains: search } }) },
        }}
        connectionOf={(data) => data.invitations}
        label={texts.invitations.label}
        empty={texts.invitations.empty}
        keyOf={({ id }) => id}
        columns={[
          {
            title: texts.invitations.email,
            isName: true,
            cell: ({ email }) => <Breakable>{email}</Breakable>,
          },
          { title: texts.invitations.role, cell: ({ role }) => texts.roles.names[role] },
          {
            title: texts.kit.status,
            cell: (each) => (
              <Badge kind={KINDS[each.status]}>{texts.invitations.statuses[each.status]}</Badge>
            ),
          },
          { title: texts.invitations.invited, cell: ({ invitedAt }) => <Time value={invitedAt} /> },
          { title: texts.invitations.expires, cell: ({ expiresAt }) => <Time value={expiresAt} /> },
          {
            title: texts.kit.actions,
            cell: (invitation: Invitation) =>
              invitation.status === 'PENDING' && (
                <Button
                  kind="quiet"
                  aria-label={texts.kit.of(texts.invitations.revoke, invitation.email)}
                  disabled={revoke.isBusy}
                  onClick={() => void revoke.run({ id: invitation.id })}
                >
                  {texts.invitations.revoke}
                </Button>
              ),
          },
        ]}
      />
      {isInviting && (
        <Invite
          onClose={(message) => {
            setInviting(false);
            setTold(message);
          }}
        />
      )}
    </>
  );
}

function Invite({ onClose }: { readonly onClose: (told?: string) => void }): ReactNode {
  const texts = useTexts();
  const [email, setEmail] = useState('');
  const [chosen, setRole] = useState<Role>();
  const invite = useAction(InviteMemberDocument);
  const grantable = useGrantable(useRead(InvitableRolesDocument, {}).data?.roles);
  const role = chosen ?? grantable.at(-1);
  const send = async (): Promise<void> => {
    if (role === undefined) return;
    const done = await invite.run({ email, role });
    if (!done) return;
    onClose(
      done.inviteMember?.emailSent === true ? texts.invitations.sent(email) : texts.invitations.notSent,
    );
  };
  return (
    <Dialog title={texts.invitations.inviteTitle} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <Field
          label={texts.invitations.email}
          type="email"
          value={email}
          onChange={setEmail}
          isRequired
          autoFocus
          problem={problemOf(invite.refusals, 'email')}
        />
        {role !== undefined && (
          <Choice
            label={texts.invitations.role}
            value={role}
            options={Object.fromEntries(grantable.map((name) => [name, texts.roles.names[name]]))}
            onChange={setRole}
          />
        )}
        <Refusals refusals={invite.refusals} />
        <div className="actions">
          <Button onClick={() => onClose()}>{texts.kit.cancel}</Button>
          <Button kind="primary" type="submit" disabled={invite.isBusy}>
            {texts.invitations.invite}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
