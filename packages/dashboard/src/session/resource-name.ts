import type { Texts } from '../texts/en.js';

/** What a quota counts, in the viewer's language; for one of a module of yours, its name as words: `Sales invoices`. */
export function resourceName({ resources }: Pick<Texts, 'resources'>, resource: string): string {
  if (Object.hasOwn(resources, resource)) return resources[resource as keyof typeof resources];
  const words = resource.replace(/(?<=[a-z\d])(?=[A-Z])|_/g, ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
