/**
 * A list of the API as a table, page by page. Each page is a query of its own that begins where the page before it ends, so
 * rows that come and go are neither repeated nor left out, and every shown page is up to date.
 */
import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { AnyVariables } from '@urql/core';
import { Button } from '../kit/button.js';
import { useNumber, useTexts } from '../kit/language.js';
import { Empty, Loading } from '../kit/states.js';
import type { Document } from './document.js';
import { Refusals, useRead } from './use-api.js';

const PAGE = 25;

/** A page of a list as the API has it. */
export interface Connection<Node> {
  readonly totalCount: number;
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor?: string | null | undefined };
  readonly nodes: readonly Node[];
}

export interface Column<Node> {
  readonly title: string;
  readonly cell: (node: Node) => ReactNode;
  /** Whether it says which row this is, for a screen reader. */
  readonly isName?: boolean;
}

interface Listed<Data, Variables, Node> {
  readonly document: Document<Data, Variables>;
  readonly variables: Omit<Variables, 'first' | 'after'>;
  readonly connectionOf: (data: Data) => Connection<Node> | null | undefined;
  /** Its name for a screen reader. */
  readonly label: string;
  readonly columns: readonly Column<Node>[];
  /** What is said when there is nothing. */
  readonly empty: ReactNode;
  readonly keyOf: (node: Node) => string;
  /** What is said before a page that lacks something. */
  readonly noticeOf?: (data: Data) => ReactNode;
}

/** The list. Other variables make it another one, which begins with its first page. */
export function List<Data, Variables extends AnyVariables, Node>(
  props: Listed<Data, Variables, Node>,
): ReactNode {
  return <FirstPage key={JSON.stringify(props.variables)} {...props} />;
}

function FirstPage<Data, Variables extends AnyVariables, Node>(
  props: Listed<Data, Variables, Node>,
): ReactNode {
  const texts = useTexts();
  const number = useNumber();
  const { data, refusals, isLoading, again } = usePageOf(props, undefined);
  const connection = data && props.connectionOf(data);
  if (isLoading) return <Loading />;
  return (
    <>
      <Refusals refusals={refusals} again={again} />
      {data && props.noticeOf?.(data)}
      {connection?.nodes.length === 0 && <Empty>{props.empty}</Empty>}
      {connection && connection.nodes.length > 0 && (
        <>
          <p className="count" role="status">
            {texts.kit.total(number(connection.totalCount))}
          </p>
          <div className="table-frame">
            <table aria-label={props.label}>
              <thead>
                <tr>
                  {props.columns.map(({ title }) => (
                    <th key={title} scope="col">
                      {title}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                <Rows {...props} connection={connection} />
              </tbody>
            </table>
          </div>
        </>
      )}
    </>
  );
}

function Rows<Data, Variables extends AnyVariables, Node>({
  connection,
  ...props
}: Listed<Data, Variables, Node> & { readonly connection: Connection<Node> }): ReactNode {
  const [wantsMore, setWantsMore] = useState(false);
  const { hasNextPage, endCursor } = connection.pageInfo;
  return (
    <>
      {connection.nodes.map((node) => (
        <tr key={props.keyOf(node)}>
          {props.columns.map(({ title, cell, isName = false }) =>
            isName ? (
              <th key={title} scope="row" data-title={title}>
                {cell(node)}
              </th>
            ) : (
              <td key={title} data-title={title}>
                {cell(node)}
              </td>
            ),
          )}
        </tr>
      ))}
      {hasNextPage &&
        (wantsMore && endCursor != null ? (
          <NextPage {...props} after={endCursor} />
        ) : (
          <More columns={props.columns.length} onMore={() => setWantsMore(true)} />
        ))}
    </>
  );
}

function NextPage<Data, Variables extends AnyVariables, Node>({
  after,
  ...props
}: Listed<Data, Variables, Node> & { readonly after: string }): ReactNode {
  const { data, refusals, again } = usePageOf(props, after);
  const connection = data && props.connectionOf(data);
  if (data && connection) {
    const notice = props.noticeOf?.(data);
    return (
      <>
        {Boolean(notice) && (
          <tr>
            <td colSpan={props.columns.length}>{notice}</td>
          </tr>
        )}
        <Rows {...props} connection={connection} />
      </>
    );
  }
  return (
    <tr>
      <td colSpan={props.columns.length}>
        {refusals.length > 0 ? <Refusals refusals={refusals} again={again} /> : <Loading />}
      </td>
    </tr>
  );
}

const usePageOf = <Data, Variables extends AnyVariables, Node>(
  { document, variables }: Listed<Data, Variables, Node>,
  after: string | undefined,
) =>
  useRead(document, {
    ...variables,
    first: PAGE,
    ...(after !== undefined && { after }),
  } as unknown as Variables);

/** Asks for the next page when it is scrolled into view, or by its button. */
function More({ columns, onMore }: { readonly columns: number; readonly onMore: () => void }): ReactNode {
  const texts = useTexts();
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) onMore();
    });
    if (row.current) observer.observe(row.current);
    return () => observer.disconnect();
  }, [onMore]);
  return (
    <tr ref={row}>
      <td colSpan={columns} className="more">
        <Button onClick={onMore}>{texts.kit.more}</Button>
      </td>
    </tr>
  );
}
