import { useNavigate, useSearch } from '@tanstack/react-router';

/** What a list is filtered and sorted by: in the address, so that it can be sent to somebody and survives a reload. */
export function useFilters(): readonly [
  Readonly<Record<string, string | undefined>>,
  (changes: Readonly<Record<string, string | undefined>>) => void,
] {
  const search: Readonly<Record<string, string | undefined>> = useSearch({ strict: false });
  const navigate = useNavigate();
  const change = (changes: Readonly<Record<string, string | undefined>>): void => {
    const merged = Object.entries({ ...search, ...changes }).filter(
      ([, value]) => value !== undefined && value !== '',
    );
    void navigate({ to: '.', search: Object.fromEntries(merged), replace: true });
  };
  return [search, change];
}
