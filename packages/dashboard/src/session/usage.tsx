import type { ReactNode } from 'react';
import { useNumber, useTexts } from '../kit/language.js';
import { resourceName } from './resource-name.js';

/** What is used of each resource, beside its limit. */
export function Usage({
  usage,
}: {
  readonly usage: readonly {
    readonly resource: string;
    readonly used: number;
    readonly limit?: number | null | undefined;
  }[];
}): ReactNode {
  const texts = useTexts();
  const { overview } = texts;
  const number = useNumber();
  return (
    <ul className="usage">
      {usage.map(({ resource, used, limit }) => {
        const text =
          limit == null ? overview.unlimited(number(used)) : overview.of(number(used), number(limit));
        const name = resourceName(texts, resource);
        return (
          <li key={resource}>
            <span>{name}</span>
            <span>{text}</span>
            {limit != null && (
              <meter aria-label={name} min={0} max={Math.max(limit, 1)} high={limit * 0.9} value={used}>
                {text}
              </meter>
            )}
          </li>
        );
      })}
    </ul>
  );
}
