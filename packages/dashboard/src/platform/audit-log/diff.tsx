import type { ReactNode } from 'react';
import { useTexts } from '../../kit/language.js';

type Row = Readonly<Record<string, unknown>>;

const text = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);

/** What an entry changed: the fields with another value than before. */
export function Diff({
  entry: { oldValue, newValue, requestId },
}: {
  readonly entry: {
    readonly oldValue?: Row | null | undefined;
    readonly newValue?: Row | null | undefined;
    readonly requestId?: string | null | undefined;
  };
}): ReactNode {
  const { auditLog } = useTexts();
  const fields = [...new Set([...Object.keys(oldValue ?? {}), ...Object.keys(newValue ?? {})])].filter(
    (field) => text(oldValue?.[field]) !== text(newValue?.[field]),
  );
  if (fields.length === 0) return <span className="muted">{auditLog.noValues}</span>;
  return (
    <details>
      <summary>{fields.slice(0, 3).join(', ')}</summary>
      <table className="diff">
        <thead>
          <tr>
            <th scope="col">{auditLog.field}</th>
            <th scope="col">{auditLog.before}</th>
            <th scope="col">{auditLog.after}</th>
          </tr>
        </thead>
        <tbody>
          {fields.map((field) => (
            <tr key={field}>
              <th scope="row">{field}</th>
              <td>{oldValue && field in oldValue && <del>{text(oldValue[field])}</del>}</td>
              <td>{newValue && field in newValue && <ins>{text(newValue[field])}</ins>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {requestId != null && (
        <p className="muted">
          {auditLog.request}: <code>{requestId}</code>
        </p>
      )}
    </details>
  );
}
