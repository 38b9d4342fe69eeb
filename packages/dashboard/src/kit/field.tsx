import type { ReactNode } from 'react';
import { FieldError } from 'react-aria-components/FieldError';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { Text } from 'react-aria-components/Text';
import { TextArea } from 'react-aria-components/TextArea';
import { TextField, type TextFieldProps } from 'react-aria-components/TextField';

/** A line of text, or several, with its label, and with the server's message when its value was refused. */
export function Field({
  label,
  hint,
  problem,
  lines = 1,
  placeholder,
  ...props
}: Omit<TextFieldProps, 'children' | 'className'> & {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly problem?: string | undefined;
  readonly lines?: number;
  readonly placeholder?: string;
}): ReactNode {
  return (
    <TextField {...props} isInvalid={problem !== undefined} className="field">
      <Label>{label}</Label>
      {lines > 1 ? (
        <TextArea rows={lines} {...(placeholder !== undefined && { placeholder })} />
      ) : (
        <Input {...(placeholder !== undefined && { placeholder })} />
      )}
      {hint !== undefined && <Text slot="description">{hint}</Text>}
      <FieldError>{problem}</FieldError>
    </TextField>
  );
}
