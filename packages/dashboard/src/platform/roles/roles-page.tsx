import type { ReactNode } from 'react';
import { RolesDocument } from '../../generated/graphql.js';
import { Code } from '../../kit/breakable.js';
import { useTexts } from '../../kit/language.js';
import { Badge, Loading, Title } from '../../kit/states.js';
import { Refusals, useRead } from '../../session/use-api.js';
import { nameOf } from '../../session/permissions.js';
import { useViewer } from '../../session/viewer.js';

/** Which role may do what. */
export default function RolesPage(): ReactNode {
  const texts = useTexts();
  const me = useViewer();
  const { data, refusals, isLoading, again } = useRead(RolesDocument, {});
  const roles = data?.roles ?? [];
  const permissions = [...new Set(roles.flatMap((role) => role.permissions))].sort();
  return (
    <>
      <Title />
      <p>{texts.roles.intro}</p>
      {isLoading && <Loading />}
      <Refusals refusals={refusals} again={again} />
      {data && (
        <div className="table-frame">
          <table aria-label={texts.roles.label} className="matrix">
            <thead>
              <tr>
                <th scope="col">{texts.roles.permission}</th>
                {roles.map(({ role }) => (
                  <th key={role} scope="col">
                    {texts.roles.names[role]} {role === me.role && <Badge>{texts.roles.yours}</Badge>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {permissions.map((permission) => (
                <tr key={permission}>
                  <th scope="row" data-title={texts.roles.permission}>
                    <Code>{nameOf(permission)}</Code>
                  </th>
                  {roles.map((role) => {
                    const holds = role.permissions.includes(permission);
                    return (
                      <td
                        key={role.role}
                        data-title={texts.roles.names[role.role]}
                        className={holds ? 'held' : 'not-held'}
                      >
                        {holds ? texts.kit.yes : texts.kit.no}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
