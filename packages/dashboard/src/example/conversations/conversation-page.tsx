import { useState, type ReactNode } from 'react';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import {
  ConversationChangedDocument,
  ConversationDocument,
  DeleteConversationDocument,
  MessagePostedDocument,
  PostMessageDocument,
  UpdateConversationDocument,
  type ConversationQuery,
} from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Confirm } from '../../kit/dialog.js';
import { Field } from '../../kit/field.js';
import { Time } from '../../kit/language.js';
import { Empty, Loading, Title } from '../../kit/states.js';
import { problemOf } from '../../session/explain.js';
import { Person } from '../../session/person.js';
import { Refusals, useAction, useLive, useRead } from '../../session/use-api.js';
import { EditConversation } from './edit-conversation.js';
import { useConversationTexts } from './texts.js';

/** One conversation with its messages, as they come. */
export default function ConversationPage(): ReactNode {
  const own = useConversationTexts();
  const { id = '' }: { id?: string } = useParams({ strict: false });
  const navigate = useNavigate();
  const { data, refusals, isLoading, again } = useRead(ConversationDocument, { id });
  useLive(ConversationChangedDocument, {});
  useLive(MessagePostedDocument, { conversationId: id });
  const update = useAction(UpdateConversationDocument);
  const remove = useAction(DeleteConversationDocument);
  const [isEditing, setEditing] = useState(false);
  const [isRemoving, setRemoving] = useState(false);
  const conversation = data?.conversation;
  if (isLoading) return <Loading />;
  if (!conversation) {
    return (
      <>
        <Title />
        <Refusals refusals={refusals} again={again} />
        {refusals.length === 0 && <Empty>{own.gone}</Empty>}
        <Link to="/conversations">{own.back}</Link>
      </>
    );
  }
  return (
    <>
      <Link to="/conversations">{own.back}</Link>
      <Title
        actions={
          <>
            {update.isOffered && <Button onClick={() => setEditing(true)}>{own.edit}</Button>}
            {remove.isOffered && <Button onClick={() => setRemoving(true)}>{own.remove}</Button>}
          </>
        }
      >
        {conversation.subject ?? own.noSubject}
      </Title>
      <p className="text">{conversation.body}</p>
      <p className="muted">
        {own.started} <Time value={conversation.createdAt} /> · {own.changed}{' '}
        <Time value={conversation.updatedAt} />
      </p>
      <Messages key={id} conversation={conversation} />
      {isEditing && (
        <EditConversation
          conversation={conversation}
          update={update}
          onClose={() => {
            setEditing(false);
            update.forget();
          }}
        />
      )}
      {isRemoving && (
        <Confirm
          title={own.removeTitle}
          action={own.remove}
          isBusy={remove.isBusy}
          onClose={() => {
            setRemoving(false);
            remove.forget();
          }}
          onConfirm={() =>
            void remove.run({ id: conversation.id }).then((done) => {
              if (done) void navigate({ to: '/conversations' });
            })
          }
        >
          <p>{own.removeText}</p>
          <Refusals refusals={remove.refusals} />
        </Confirm>
      )}
    </>
  );
}

type Conversation = NonNullable<ConversationQuery['conversation']>;

function Messages({ conversation: { id, messages } }: { readonly conversation: Conversation }): ReactNode {
  const own = useConversationTexts();
  const post = useAction(PostMessageDocument);
  const [body, setBody] = useState('');
  return (
    <section aria-labelledby="messages">
      <h2 id="messages">{own.messages}</h2>
      {messages.pageInfo.hasPreviousPage && <Earlier id={id} before={messages.pageInfo.startCursor ?? ''} />}
      {messages.nodes.length === 0 && <Empty>{own.noMessages}</Empty>}
      <ol className="messages" aria-live="polite">
        {messages.nodes.map((message) => (
          <Message key={message.id} message={message} />
        ))}
      </ol>
      {post.isOffered && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void post.run({ conversationId: id, body }).then((done) => {
              if (done) setBody('');
            });
          }}
        >
          <Field
            label={own.write}
            value={body}
            onChange={setBody}
            lines={3}
            isRequired
            problem={problemOf(post.refusals, 'body')}
          />
          <Refusals refusals={post.refusals} />
          <div className="actions">
            <Button kind="primary" type="submit" disabled={post.isBusy || body.trim() === ''}>
              {own.send}
            </Button>
          </div>
        </form>
      )}
    </section>
  );
}

/** The page before, on demand. */
function Earlier({ id, before }: { readonly id: string; readonly before: string }): ReactNode {
  const own = useConversationTexts();
  const [isWanted, setWanted] = useState(false);
  const { data, refusals, again } = useRead(ConversationDocument, { id, before }, { isPaused: !isWanted });
  if (!isWanted) return <Button onClick={() => setWanted(true)}>{own.earlier}</Button>;
  const messages = data?.conversation?.messages;
  return (
    <>
      {messages?.pageInfo.hasPreviousPage && <Earlier id={id} before={messages.pageInfo.startCursor ?? ''} />}
      <Refusals refusals={refusals} again={again} />
      <ol className="messages">
        {messages?.nodes.map((message) => (
          <Message key={message.id} message={message} />
        ))}
      </ol>
    </>
  );
}

const Message = ({
  message: { userId, author, createdAt, body },
}: {
  readonly message: Conversation['messages']['nodes'][number];
}): ReactNode => (
  <li>
    <p className="muted">
      <Person id={userId} member={author} /> · <Time value={createdAt} />
    </p>
    <p className="text">{body}</p>
  </li>
);
