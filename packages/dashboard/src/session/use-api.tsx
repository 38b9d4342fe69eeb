/** Reads and writes for pages: a document is trimmed to what the caller may use before it is sent. */
import type { AnyVariables, DocumentInput, RequestPolicy } from '@urql/core';
import { useCallback, useState, type ReactNode } from 'react';
import { useClient, useQuery, useSubscription, type UseQueryState } from 'urql';
import { Notice } from '../kit/states.js';
import { Button } from '../kit/button.js';
import { useTexts } from '../kit/language.js';
import type { Document } from './document.js';
import { explain, refusalsOf, type Refusal } from './explain.js';
import { trimmed } from './trim.js';
import { usePermissions } from './permissions.js';

type Documents<Data, Variables extends AnyVariables> = DocumentInput<Data, Variables>;

/** By permissions and text: the same document is the same object each time. */
const kept = new Map<string, ReturnType<typeof trimmed>>();

function documentFor<Data, Variables extends AnyVariables>(
  text: Document<Data, Variables>,
  permissions: readonly string[],
): Documents<Data, Variables> | undefined {
  const key = `${permissions.join()}\n${text.toString()}`;
  const known = kept.has(key)
    ? kept.get(key)
    : trimmed(text.toString(), (name) => permissions.includes(name));
  kept.set(key, known);
  return known;
}

export interface Read<Data> {
  readonly data: Data | undefined;
  /** Why there is no data, or why some of it is missing. */
  readonly refusals: readonly Refusal[];
  readonly isLoading: boolean;
  readonly again: () => void;
}

export interface ReadOptions {
  readonly isPaused?: boolean;
  /** Default: what is known is shown, and read again. */
  readonly policy?: RequestPolicy;
}

/** Reads. Nothing is sent for a document that the caller may not use at all. */
export function useRead<Data, Variables extends AnyVariables>(
  text: Document<Data, Variables>,
  variables: Variables,
  { isPaused = false, policy }: ReadOptions = {},
): Read<Data> {
  const permissions = usePermissions();
  const query = documentFor(text, permissions);
  const isUsed = query !== undefined && !isPaused;
  const [state, execute]: [
    UseQueryState<Data, Variables>,
    (options?: { requestPolicy: 'network-only' }) => void,
  ] = useQuery<Data, Variables>({
    query: query ?? NOTHING,
    variables,
    pause: !isUsed,
    ...(policy && { requestPolicy: policy }),
  });
  const again = useCallback(() => execute({ requestPolicy: 'network-only' }), [execute]);
  return {
    data: isUsed ? state.data : undefined,
    refusals: isUsed && state.error ? refusalsOf(state.error) : [],
    isLoading: isUsed && state.data === undefined && state.error === undefined,
    again,
  };
}

const NOTHING = 'query Nothing { __typename }';

/** Follows live changes while it is shown. The cache takes them in. */
export function useLive<Data, Variables extends AnyVariables>(
  text: Document<Data, Variables>,
  variables: Variables,
): void {
  const permissions = usePermissions();
  const query = documentFor(text, permissions);
  useSubscription<Data, Data, Variables>({
    query: query ?? NOTHING,
    variables,
    pause: query === undefined,
  });
}

export interface Action<Data, Variables> {
  /** Whether the caller may do it at all: then it is offered. */
  readonly isOffered: boolean;
  readonly isBusy: boolean;
  /** Why the last attempt was refused. */
  readonly refusals: readonly Refusal[];
  /** @returns what the server answered; undefined when it refused */
  readonly run: (variables: Variables) => Promise<Data | undefined>;
  readonly forget: () => void;
}

/** Writes. */
export function useAction<Data, Variables extends AnyVariables>(
  text: Document<Data, Variables>,
): Action<Data, Variables> {
  const permissions = usePermissions();
  const client = useClient();
  const [isBusy, setBusy] = useState(false);
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  const document = documentFor(text, permissions);
  return {
    isOffered: document !== undefined,
    isBusy,
    refusals,
    forget: () => setRefusals([]),
    async run(variables) {
      if (document === undefined) return undefined;
      setBusy(true);
      setRefusals([]);
      const { data, error } = await client.mutation<Data, Variables>(document, variables).toPromise();
      setBusy(false);
      if (error) setRefusals(refusalsOf(error));
      return error ? undefined : data;
    },
  };
}

/** Says why something was refused, and offers to try again. */
export function Refusals({
  refusals,
  again,
}: {
  readonly refusals: readonly Refusal[];
  readonly again?: (() => void) | undefined;
}): ReactNode {
  const texts = useTexts();
  const sentences = [...new Set(refusals.map((refusal) => explain(refusal, texts)))];
  if (sentences.length === 0) return null;
  return (
    <Notice kind="problem">
      {sentences.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      {again && <Button onClick={again}>{texts.kit.again}</Button>}
    </Notice>
  );
}
