import { useState, type ReactNode } from 'react';
import { Link, useNavigate } from '@tanstack/react-router';
import {
  ConversationChangedDocument,
  ConversationsDocument,
  CreateConversationDocument,
  type ConversationOrderField,
  type CreateConversationMutation,
  type CreateConversationMutationVariables,
  type OrderDirection,
} from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Dialog } from '../../kit/dialog.js';
import { Choice, Tick } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { Time, useTexts } from '../../kit/language.js';
import { Title } from '../../kit/states.js';
import { problemOf } from '../../session/explain.js';
import { List } from '../../session/list.js';
import { Person } from '../../session/person.js';
import { Refusals, useAction, useLive } from '../../session/use-api.js';
import { useFilters } from '../../session/use-filters.js';
import { useViewer } from '../../session/viewer.js';
import { useConversationTexts } from './texts.js';

/** The conversations of the tenant, as they change. */
export default function ConversationsPage(): ReactNode {
  const texts = useTexts();
  const own = useConversationTexts();
  const me = useViewer();
  const [filters, setFilters] = useFilters();
  const [isCreating, setCreating] = useState(false);
  const create = useAction(CreateConversationDocument);
  useLive(ConversationChangedDocument, {});
  const search = filters['search'];
  const order = (filters['order'] ?? 'CREATED_AT DESC') as keyof typeof own.orders;
  const [field, direction] = order.split(' ') as [ConversationOrderField, OrderDirection];
  return (
    <>
      <Title
        actions={
          create.isOffered && (
            <Button kind="primary" onClick={() => setCreating(true)}>
              {own.create}
            </Button>
          )
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
          label={own.order}
          value={order}
          options={own.orders}
          onChange={(value) => setFilters({ order: value })}
        />
        <Tick
          label={own.mine}
          isTicked={filters['mine'] === 'yes'}
          onChange={(isTicked) => setFilters({ mine: isTicked ? 'yes' : undefined })}
        />
      </search>
      <List
        document={ConversationsDocument}
        variables={{
          filter: {
            ...(search !== undefined && { search }),
            ...(filters['mine'] === 'yes' && { userId: me.userId }),
          },
          orderBy: { field, direction },
        }}
        connectionOf={(data) => data.conversations}
        label={own.label}
        empty={own.empty}
        keyOf={({ id }) => id}
        columns={[
          {
            title: own.subject,
            isName: true,
            cell: ({ id, subject }) => (
              <Link to="/conversations/$id" params={{ id }}>
                {subject ?? own.noSubject}
              </Link>
            ),
          },
          { title: own.body, cell: ({ body }) => <span className="clipped">{body}</span> },
          { title: own.author, cell: ({ userId, author }) => <Person id={userId} member={author} /> },
          { title: own.started, cell: ({ createdAt }) => <Time value={createdAt} /> },
          { title: own.changed, cell: ({ updatedAt }) => <Time value={updatedAt} /> },
        ]}
      />
      {isCreating && (
        <Create
          create={create}
          onClose={() => {
            setCreating(false);
            create.forget();
          }}
        />
      )}
    </>
  );
}

function Create({
  create,
  onClose,
}: {
  readonly create: ReturnType<
    typeof useAction<CreateConversationMutation, CreateConversationMutationVariables>
  >;
  readonly onClose: () => void;
}): ReactNode {
  const texts = useTexts();
  const own = useConversationTexts();
  const navigate = useNavigate();
  const [subject, setSubject] = useState('');
  const [body, setBody] = useState('');
  const send = async (): Promise<void> => {
    const done = await create.run({ body, ...(subject !== '' && { subject }) });
    if (!done) return;
    onClose();
    const id = done.createConversation?.conversation?.id;
    if (id !== undefined) await navigate({ to: '/conversations/$id', params: { id } });
  };
  return (
    <Dialog title={own.create} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <Field
          label={own.subject}
          value={subject}
          onChange={setSubject}
          autoFocus
          problem={problemOf(create.refusals, 'subject')}
        />
        <Field
          label={own.body}
          value={body}
          onChange={setBody}
          isRequired
          lines={5}
          problem={problemOf(create.refusals, 'body')}
        />
        <Refusals refusals={create.refusals} />
        <div className="actions">
          <Button onClick={onClose}>{texts.kit.cancel}</Button>
          <Button kind="primary" type="submit" disabled={create.isBusy}>
            {own.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
