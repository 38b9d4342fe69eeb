import { useState, type ReactNode } from 'react';
import { ChangePlanDocument, PlanDocument } from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Choice } from '../../kit/choice.js';
import { useTexts } from '../../kit/language.js';
import { Loading, Notice, Title } from '../../kit/states.js';
import { Usage } from '../../session/usage.js';
import { Refusals, useAction, useRead } from '../../session/use-api.js';

/** The plan, its limits, and changing it. */
export default function PlanPage(): ReactNode {
  const texts = useTexts();
  const { data, refusals, isLoading, again } = useRead(PlanDocument, {});
  const change = useAction(ChangePlanDocument);
  const [chosen, setChosen] = useState<string>();
  const [isSaved, setSaved] = useState(false);
  const { tenant, plans } = data ?? {};
  const plan = chosen ?? tenant?.plan ?? '';
  return (
    <>
      <Title />
      {isLoading && <Loading />}
      <Refusals refusals={refusals} again={again} />
      {tenant && (
        <div className="cards">
          <section className="card" aria-labelledby="plan">
            <h2 id="plan">{texts.plan.current}</h2>
            <dl>
              <dt>{texts.plan.plan}</dt>
              <dd>{tenant.plan}</dd>
              <dt>{texts.plan.billing}</dt>
              <dd>{tenant.billingEmail ?? '–'}</dd>
            </dl>
            {change.isOffered && plans && (
              <form
                onSubmit={(event) => {
                  event.preventDefault();
                  setSaved(false);
                  void change.run({ plan }).then((done) => setSaved(done !== undefined));
                }}
              >
                <Choice
                  label={texts.plan.change}
                  value={plan}
                  options={Object.fromEntries(plans.map(({ name }) => [name, name]))}
                  onChange={setChosen}
                />
                <Refusals refusals={change.refusals} />
                {isSaved && <Notice kind="good">{texts.kit.saved}</Notice>}
                <div className="actions">
                  <Button kind="primary" type="submit" disabled={change.isBusy || plan === tenant.plan}>
                    {texts.plan.change}
                  </Button>
                </div>
              </form>
            )}
          </section>
          {tenant.usage && (
            <section className="card" aria-labelledby="usage">
              <h2 id="usage">{texts.plan.usage}</h2>
              <Usage usage={tenant.usage} />
            </section>
          )}
        </div>
      )}
    </>
  );
}
