import type { ComponentProps, ReactNode } from 'react';

/** A button. `danger` is for what cannot be undone. */
export function Button({
  kind = 'plain',
  type = 'button',
  ...props
}: Omit<ComponentProps<'button'>, 'className'> & {
  readonly kind?: 'plain' | 'primary' | 'danger' | 'quiet';
}): ReactNode {
  return <button {...props} type={type} className={`button ${kind}`} />;
}
