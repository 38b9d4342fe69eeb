import { Fragment, type ReactNode } from 'react';

/** An address, a URL or a name with parts: a narrow column breaks it between its parts, never inside a word. */
export const Breakable = ({ children }: { readonly children: string }): ReactNode =>
  children.split(/(?<=[.@/_:?&=-])(?=.)/).map((part, index) => (
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ));

/** The name of an action, an event, a task or a permission, as the API has it. */
export const Code = ({ children }: { readonly children: string }): ReactNode => (
  <code>
    <Breakable>{children}</Breakable>
  </code>
);
