import { useState, type ReactNode } from 'react';
import { Button } from './button.js';
import { useTexts } from './language.js';

/** A value that is shown once. */
export function Secret({ label, value }: { readonly label: string; readonly value: string }): ReactNode {
  const texts = useTexts();
  const [isCopied, setCopied] = useState(false);
  const copy = () => void navigator.clipboard.writeText(value).then(() => setCopied(true));
  return (
    <div className="secret">
      <p>{label}</p>
      <code>{value}</code>
      <Button onClick={copy}>{isCopied ? texts.kit.copied : texts.kit.copy}</Button>
    </div>
  );
}
