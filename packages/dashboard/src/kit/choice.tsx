/** Choices by the controls of the platform: they work everywhere, and weigh nothing. */
import { useId, type ReactNode } from 'react';

/** One of several values, by the control of the platform. */
export function Choice<Value extends string>({
  label,
  value,
  options,
  onChange,
  isDisabled = false,
}: {
  readonly label: string;
  readonly value: Value;
  readonly options: Readonly<Partial<Record<Value, string>>>;
  readonly onChange: (value: Value) => void;
  readonly isDisabled?: boolean;
}): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={isDisabled}
        onChange={({ target }) => onChange(target.value as Value)}
      >
        {Object.entries<string | undefined>(options).map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Something that is or is not. */
export function Tick({
  label,
  isTicked,
  onChange,
  isDisabled = false,
}: {
  readonly label: ReactNode;
  readonly isTicked: boolean;
  readonly onChange: (isTicked: boolean) => void;
  readonly isDisabled?: boolean;
}): ReactNode {
  return (
    <label className="tick">
      <input
        type="checkbox"
        checked={isTicked}
        disabled={isDisabled}
        onChange={({ target }) => onChange(target.checked)}
      />
      <span>{label}</span>
    </label>
  );
}
