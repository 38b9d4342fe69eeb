/** What the user sees of the conversations, the same for all clients. */
import { useState } from 'react';

/** The rows of one page. */
export const PAGE = 5;

interface ConversationListProps {
  readonly rows: readonly { readonly id: string; readonly subject?: string | null | undefined }[];
  /** What went wrong. */
  readonly problem: string | undefined;
  /** Reads the next page; undefined when there is none. */
  readonly more: (() => void) | undefined;
  readonly create: (subject: string) => void;
  readonly rename: (id: string, subject: string) => void;
}

export function ConversationList({ rows, problem, more, create, rename }: ConversationListProps) {
  const [subject, setSubject] = useState('');
  return (
    <main>
      <label>
        Subject <input value={subject} onChange={({ target }) => setSubject(target.value)} />
      </label>
      <button onClick={() => create(subject)}>Create</button>
      {problem !== undefined && <p role="alert">{problem}</p>}
      <ul>
        {rows.map((row) => (
          <li key={row.id}>
            <span>{row.subject}</span> <button onClick={() => rename(row.id, subject)}>Rename</button>
          </li>
        ))}
      </ul>
      {more && <button onClick={more}>More</button>}
    </main>
  );
}
