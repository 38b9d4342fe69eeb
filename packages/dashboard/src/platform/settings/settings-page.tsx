import { useState, type ReactNode } from 'react';
import {
  RenameTenantDocument,
  SettingsDocument,
  UpdateTenantSettingsDocument,
  type SettingsQuery,
} from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Choice, Tick } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { useTexts } from '../../kit/language.js';
import { Empty, Loading, Notice, Title } from '../../kit/states.js';
import { currentOf } from '../../session/current.js';
import { problemOf } from '../../session/explain.js';
import { Refusals, useAction, useRead } from '../../session/use-api.js';

/** The name of the tenant, and what its modules let it set. */
export default function SettingsPage(): ReactNode {
  const texts = useTexts();
  const { data, refusals, isLoading, again } = useRead(SettingsDocument, {});
  return (
    <>
      <Title />
      {isLoading && <Loading />}
      <Refusals refusals={refusals} again={again} />
      {data && (
        <div className="cards">
          <Name tenant={data.tenant} again={again} />
          <section className="card" aria-labelledby="settings">
            <h2 id="settings">{texts.settings.title}</h2>
            {data.settings?.length === 0 && <Empty>{texts.settings.none}</Empty>}
            {data.settings?.map((setting) => (
              <OneSetting key={setting.name} setting={setting} />
            ))}
          </section>
        </div>
      )}
    </>
  );
}

/** Renames the tenant, unless somebody else did it meanwhile: then the viewer decides. */
function Name({
  tenant,
  again,
}: {
  readonly tenant: SettingsQuery['tenant'];
  readonly again: () => void;
}): ReactNode {
  const texts = useTexts();
  const rename = useAction(RenameTenantDocument);
  // With the version that the viewer saw: what is read again meanwhile may be of somebody else.
  const [written, setWritten] = useState<{ readonly name: string; readonly version: number }>();
  const [isSaved, setSaved] = useState(false);
  const name = written?.name ?? tenant.name;
  const theirs = currentOf(rename.refusals);
  const save = (expectedVersion: number): void => {
    setSaved(false);
    void rename.run({ name, expectedVersion }).then((done) => {
      if (!done) return;
      setSaved(true);
      setWritten(undefined);
    });
  };
  return (
    <section className="card" aria-labelledby="name">
      <h2 id="name">{texts.settings.nameTitle}</h2>
      <dl>
        <dt>{texts.settings.slug}</dt>
        <dd>
          <code>{tenant.slug}</code>
        </dd>
      </dl>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save(written?.version ?? tenant.version);
        }}
      >
        <Field
          label={texts.settings.name}
          value={name}
          onChange={(text) => setWritten({ name: text, version: written?.version ?? tenant.version })}
          isRequired
          problem={problemOf(rename.refusals, 'name')}
        />
        {theirs ? (
          <Notice kind="problem">
            <p>{texts.settings.conflict(String(theirs['name']))}</p>
            <div className="actions">
              <Button
                onClick={() => {
                  setWritten(undefined);
                  rename.forget();
                  again();
                }}
              >
                {texts.settings.takeTheirs}
              </Button>
              <Button kind="danger" onClick={() => save(Number(theirs['version']))} disabled={rename.isBusy}>
                {texts.settings.overwrite}
              </Button>
            </div>
          </Notice>
        ) : (
          <Refusals refusals={rename.refusals} />
        )}
        {isSaved && <Notice kind="good">{texts.kit.saved}</Notice>}
        <div className="actions">
          <Button kind="primary" type="submit" disabled={rename.isBusy || name === tenant.name}>
            {texts.kit.save}
          </Button>
        </div>
      </form>
    </section>
  );
}

type Setting = NonNullable<SettingsQuery['settings']>[number];

/** A control that fits the schema of the setting; JSON for what has no control of its own. */
function OneSetting({ setting }: { readonly setting: Setting }): ReactNode {
  const texts = useTexts();
  const update = useAction(UpdateTenantSettingsDocument);
  const [written, setWritten] = useState<string>();
  const { name, description, jsonSchema, value, defaultValue } = setting;
  const options = Array.isArray(jsonSchema['enum']) ? jsonSchema['enum'].map(String) : undefined;
  const [sent, setSent] = useState<unknown>();
  // A choice is shown at once: the server's answer has it a moment later.
  const chosen = update.isBusy ? sent : value;
  const save = (next: unknown): void => {
    setSent(next);
    void update.run({ settings: { [name]: next } }).then((done) => {
      if (done) setWritten(undefined);
    });
  };
  const isText = jsonSchema['type'] === 'string';
  const shown = isText && typeof value === 'string' ? value : JSON.stringify(value ?? null);
  return (
    <div className="setting">
      {options ? (
        <Choice
          label={name}
          value={String(chosen)}
          options={Object.fromEntries(options.map((each) => [each, each]))}
          onChange={save}
          isDisabled={update.isBusy}
        />
      ) : jsonSchema['type'] === 'boolean' ? (
        <Tick label={name} isTicked={chosen === true} onChange={save} isDisabled={update.isBusy} />
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            save(isText ? (written ?? shown) : parsed(written ?? shown));
          }}
        >
          <Field label={name} value={written ?? shown} onChange={setWritten} />
          <Button type="submit" disabled={written === undefined || update.isBusy}>
            {texts.kit.save}
          </Button>
        </form>
      )}
      {description != null && <p className="muted">{description}</p>}
      <p className="muted">{texts.settings.default(JSON.stringify(defaultValue ?? null))}</p>
      <Refusals refusals={update.refusals} />
    </div>
  );
}

/** What is no JSON is sent as text: the server says what it expects. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
