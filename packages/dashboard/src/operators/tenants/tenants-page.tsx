import { lazy, Suspense, useState, type ReactNode } from 'react';
import { Link, useNavigate } from '@tanstack/react-router';
import { Button } from '../../kit/button.js';
import { Choice } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { Time, useTexts } from '../../kit/language.js';
import { Badge, Title } from '../../kit/states.js';
import { List } from '../../session/list.js';
import { useMay } from '../../session/permissions.js';
import { useAction } from '../../session/use-api.js';
import { useFilters } from '../../session/use-filters.js';
import { MissingCells } from '../frame/missing-cells.js';
import { useOperator } from '../frame/operator.js';
import {
  CreateTenantDocument,
  TenantsDocument,
  type OrderDirection,
  type TenantOrderField,
  type TenantStatus,
} from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';

/** Dialogs weigh something: this one is loaded when it is opened. */
const CreateTenant = lazy(() => import('./create-tenant.js'));

/** All tenants. For an operator who may not read them: a field for the subdomain of one. */
export default function TenantsPage(): ReactNode {
  const texts = useConsoleTexts();
  const may = useMay();
  const create = useAction(CreateTenantDocument);
  const [isCreating, setCreating] = useState(false);
  return (
    <>
      <Title
        actions={
          create.isOffered && (
            <Button kind="primary" onClick={() => setCreating(true)}>
              {texts.tenants.create}
            </Button>
          )
        }
      />
      {may('TENANTS_READ') ? <Tenants /> : <OpenTenant />}
      {isCreating && (
        <Suspense>
          <CreateTenant create={create} onClose={() => setCreating(false)} />
        </Suspense>
      )}
    </>
  );
}

function Tenants(): ReactNode {
  const kit = useTexts().kit;
  const texts = useConsoleTexts();
  const { plans } = useOperator();
  const [filters, setFilters] = useFilters();
  const order = filters['order'] ?? 'SLUG ASC';
  const [field, direction] = order.split(' ') as [TenantOrderField, OrderDirection];
  const status = filters['status'] as TenantStatus | undefined;
  const { search, plan } = filters;
  return (
    <>
      <search className="filters">
        <Field
          label={kit.search}
          value={search ?? ''}
          onChange={(value) => setFilters({ search: value })}
          type="search"
          maxLength={100}
        />
        <Choice
          label={kit.status}
          value={status ?? ''}
          options={{ '': kit.all, ...texts.statuses }}
          onChange={(value) => setFilters({ status: value })}
        />
        <Choice
          label={texts.tenants.plan}
          value={plan ?? ''}
          options={{ '': kit.all, ...Object.fromEntries(plans.map((name) => [name, name])) }}
          onChange={(value) => setFilters({ plan: value })}
        />
        <Choice
          label={texts.tenants.order}
          value={order}
          options={texts.tenants.orders}
          onChange={(value) => setFilters({ order: value })}
        />
      </search>
      <List
        document={TenantsDocument}
        variables={{
          ...(search !== undefined && { search }),
          filter: { ...(status && { status }), ...(plan !== undefined && { plan }) },
          orderBy: { field, direction },
        }}
        connectionOf={(data) => data.tenants}
        noticeOf={({ tenants }) =>
          tenants && tenants.unavailableCells.length > 0 && <MissingCells names={tenants.unavailableCells} />
        }
        label={texts.tenants.label}
        empty={texts.tenants.empty}
        keyOf={({ id }) => id}
        columns={[
          {
            title: texts.tenants.slug,
            isName: true,
            cell: ({ slug }) => (
              <Link to="/tenants/$slug" params={{ slug }}>
                {slug}
              </Link>
            ),
          },
          { title: texts.tenants.name, cell: ({ name }) => name },
          { title: texts.tenants.plan, cell: (tenant) => tenant.plan },
          {
            title: kit.status,
            cell: (tenant) => (
              <Badge kind={tenant.status === 'ACTIVE' ? 'good' : 'bad'}>
                {texts.statuses[tenant.status]}
              </Badge>
            ),
          },
          { title: kit.created, cell: ({ createdAt }) => <Time value={createdAt} /> },
        ]}
      />
    </>
  );
}

function OpenTenant(): ReactNode {
  const texts = useConsoleTexts();
  const navigate = useNavigate();
  const [slug, setSlug] = useState('');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void navigate({ to: '/tenants/$slug', params: { slug: slug.trim() } });
      }}
    >
      <Field label={texts.tenants.slug} value={slug} onChange={setSlug} isRequired />
      <div className="actions">
        <Button type="submit">{texts.tenants.open}</Button>
      </div>
    </form>
  );
}
