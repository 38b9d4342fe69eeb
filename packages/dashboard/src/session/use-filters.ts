import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';

type Filters = Readonly<Record<string, string | undefined>>;

/** What a list is filtered and sorted by: in the address, so that it can be sent to somebody and survives a reload. */
export function useFilters(): readonly [Filters, (changes: Filters) => void] {
  const inAddress = textsOf(useSearch({ strict: false }));
  const navigate = useNavigate();
  // The address changes a moment later. Until then a field shows what was typed, and the next letter is added to that.
  const [chosen, setChosen] = useState<Filters>();
  if (chosen && isSame(chosen, inAddress)) setChosen(undefined);
  const filters = chosen ?? inAddress;
  const change = (changes: Filters): void => {
    const merged = Object.fromEntries(
      Object.entries({ ...filters, ...changes }).filter(([, value]) => value !== undefined && value !== ''),
    );
    setChosen(merged);
    void navigate({ to: '.', search: merged, replace: true });
  };
  return [filters, change];
}

const isSame = (one: Filters, other: Filters): boolean =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].every(
    (name) => (one[name] ?? '') === (other[name] ?? ''),
  );

/** The router reads digits in the address as a number. */
const textsOf = (inAddress: Readonly<Record<string, unknown>>): Filters =>
  Object.fromEntries(
    Object.entries(inAddress).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
