import { useEffect, useState, type ReactNode } from 'react';
import {
  ExportsDocument,
  LinkTenantExportDocument,
  RequestTenantExportDocument,
  type ExportsQuery,
} from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Tick } from '../../kit/choice.js';
import { Time, useNumber, useTexts } from '../../kit/language.js';
import { Badge, Title } from '../../kit/states.js';
import { List } from '../../session/list.js';
import { Refusals, useAction, useRead } from '../../session/use-api.js';
import { ErasePerson, EraseTenant } from './erasure.js';

type Export = NonNullable<ExportsQuery['exports']>['nodes'][number];

const KINDS = { PENDING: 'busy', READY: 'good', FAILED: 'bad' } as const;
/** While an export is being made, it is looked at again after this time. */
const LOOK_AGAIN_MS = 2_000;

/** Taking the data of the tenant along, and erasing it. */
export default function ExportsPage(): ReactNode {
  const texts = useTexts();
  const number = useNumber();
  const request = useAction(RequestTenantExportDocument);
  const link = useAction(LinkTenantExportDocument);
  const [anonymise, setAnonymise] = useState(false);
  const download = async ({ id }: Export): Promise<void> => {
    const done = await link.run({ id });
    if (done?.linkTenantExport) window.location.assign(done.linkTenantExport.url);
  };
  return (
    <>
      <Title />
      {request.isOffered && (
        <form
          className="filters"
          onSubmit={(event) => {
            event.preventDefault();
            void request.run({ anonymise });
          }}
        >
          <Tick label={texts.exports.anonymise} isTicked={anonymise} onChange={setAnonymise} />
          <Button kind="primary" type="submit" disabled={request.isBusy}>
            {texts.exports.request}
          </Button>
        </form>
      )}
      <Refusals refusals={[...request.refusals, ...link.refusals]} />
      <Progress />
      <List
        document={ExportsDocument}
        variables={{}}
        connectionOf={(data) => data.exports}
        label={texts.exports.label}
        empty={texts.exports.empty}
        keyOf={({ id }) => id}
        columns={[
          {
            title: texts.kit.created,
            isName: true,
            cell: ({ createdAt, anonymised }) => (
              <>
                <Time value={createdAt} /> {anonymised && <Badge>{texts.exports.anonymised}</Badge>}
              </>
            ),
          },
          {
            title: texts.kit.status,
            cell: (each) => (
              <Badge kind={KINDS[each.status]}>{each.failure ?? texts.exports.statuses[each.status]}</Badge>
            ),
          },
          { title: texts.exports.rows, cell: ({ rows }) => (rows == null ? '–' : number(rows)) },
          { title: texts.exports.size, cell: ({ size }) => (size == null ? '–' : number(size)) },
          { title: texts.exports.expires, cell: ({ expiresAt }) => <Time value={expiresAt} /> },
          {
            title: texts.kit.actions,
            cell: (each) =>
              link.isOffered &&
              each.status === 'READY' && (
                <Button
                  kind="quiet"
                  aria-label={texts.kit.of(texts.exports.download, each.createdAt)}
                  disabled={link.isBusy}
                  onClick={() => void download(each)}
                >
                  {texts.exports.download}
                </Button>
              ),
          },
        ]}
      />
      <EraseTenant />
      <ErasePerson />
    </>
  );
}

/** Reads the first page again while an export is in progress: the cache shows in the list what it learns. */
function Progress(): ReactNode {
  const { exports } = useTexts();
  const { data, again } = useRead(ExportsDocument, { first: 25 });
  const isRunning = data?.exports?.nodes.some(({ status }) => status === 'PENDING') ?? false;
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(again, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [isRunning, again]);
  return isRunning ? <progress aria-label={exports.statuses.PENDING} /> : null;
}
