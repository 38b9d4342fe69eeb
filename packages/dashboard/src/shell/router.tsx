/** The pages by their addresses. A page is loaded when it is opened, and not shown to somebody who lacks a permission for it. */
import { lazy, Suspense, useEffect, useRef, type ComponentType, type ReactNode } from 'react';
import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  Outlet,
  useRouterState,
  type ErrorComponentProps,
} from '@tanstack/react-router';
import { Button } from '../kit/button.js';
import { useSpeech, useTexts } from '../kit/language.js';
import { Loading, Notice, Title, TitleContext } from '../kit/states.js';
import type { Page } from '../page.js';
import { BASE } from '../session/session.js';
import { nameOf, useMay } from '../session/permissions.js';

/** A page of somebody with whatever kind of permissions. */
type AnyPage = Page<string, string>;

/** The router of one session. @param shell the frame of every page */
export function createPageRouter(
  pages: readonly AnyPage[],
  shell: ComponentType<{ readonly children: ReactNode }>,
): ReturnType<typeof createRouter> {
  const root = createRootRoute({
    component: () => <Root shell={shell} />,
    notFoundComponent: NotFound,
  });
  const routes = pages.map((page) => {
    const Content = lazy(page.load);
    return createRoute({
      getParentRoute: () => root,
      path: page.path,
      component: () => (
        <Opened page={page}>
          <Content />
        </Opened>
      ),
    });
  });
  return createRouter({
    routeTree: root.addChildren(routes),
    basepath: BASE,
    defaultErrorComponent: Failed,
    // Values are texts: `?role=OWNER`, not JSON.
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch: (values) => {
      const text = new URLSearchParams(values as Record<string, string>).toString();
      return text === '' ? '' : `?${text}`;
    },
  }) as unknown as ReturnType<typeof createRouter>;
}

function Root({
  shell: Shell,
}: {
  readonly shell: ComponentType<{ readonly children: ReactNode }>;
}): ReactNode {
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const main = useRef<HTMLElement>(null);
  const first = useRef(path);
  useEffect(() => {
    // A screen reader goes on with the new page, as it does after a load.
    if (first.current === path) return;
    first.current = path;
    main.current?.focus();
  }, [path]);
  return (
    <Shell>
      <main ref={main} id="content" tabIndex={-1}>
        <Outlet />
      </main>
    </Shell>
  );
}

function Opened({ page, children }: { readonly page: AnyPage; readonly children: ReactNode }): ReactNode {
  const { language, texts } = useSpeech();
  const may = useMay();
  const title = page.title[language];
  useEffect(() => {
    document.title = `${title} · ${texts.shell.product}`;
  }, [title, texts]);
  const missing = page.needs.find((permission) => !may(permission));
  return (
    <TitleContext value={title}>
      {missing === undefined ? (
        <Suspense fallback={<Loading />}>{children}</Suspense>
      ) : (
        <>
          <Title />
          <Notice kind="problem">{texts.shell.notAllowed(nameOf(missing))}</Notice>
        </>
      )}
    </TitleContext>
  );
}

function NotFound(): ReactNode {
  const { shell } = useTexts();
  return (
    <>
      <Title>{shell.notFound}</Title>
      <Link to="/">{shell.home}</Link>
    </>
  );
}

/** Also after an update of the server, when the files of the page that is open are gone. */
function Failed({ error }: ErrorComponentProps): ReactNode {
  const { shell } = useTexts();
  return (
    <>
      <Title>{shell.failed}</Title>
      <Notice kind="problem">{error instanceof Error ? error.message : String(error)}</Notice>
      <Button onClick={() => window.location.reload()}>{shell.reload}</Button>
    </>
  );
}
