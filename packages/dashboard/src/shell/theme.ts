/** Light or dark: as the system is, unless something else was chosen here. */
export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'tenantry:theme';

/** What was chosen. */
export function chosenTheme(): Theme {
  const chosen = localStorage.getItem(KEY);
  return chosen === 'light' || chosen === 'dark' ? chosen : 'auto';
}

/** Keeps a choice, and shows it. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'auto') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  applyTheme();
}

/** Shows what was chosen. */
export function applyTheme(): void {
  document.documentElement.dataset['theme'] = chosenTheme();
}
