/** S02: a client without a tenant is used outside the folder that creates it. */
import { isMaintenance } from '../files.js';
import { importsOf, type Project } from '../project.js';
import type { RootClient } from '../root-clients.js';
import type { CodeFile, Sighting, SourceRule } from '../source-rule.js';

export const rootClient: SourceRule = {
  id: 'S02',
  title: 'Unbound database client outside its folder',
  severity: 'major',
  why:
    'A statement sent through the client itself runs in no tenant’s transaction: it fails, or sees nothing, or, as a ' +
    'role that row-level security does not hold, sees everything.',
  checkCode: (file, project) =>
    project.bindsTenants && !isMaintenance(file.path)
      ? [...importedClients(file, project), ...secondMakers(file, project)]
      : [],
};

/** Imports of a client of another folder. If nothing binds a tenant, there is no other client to use. */
function importedClients(file: CodeFile, project: Project): Sighting[] {
  return importsOf(file).flatMap(({ name, specifier, node }) => {
    const origin = clientOrigin(project, file.path, specifier, name, 0);
    if (!origin || folder(origin.path) === folder(file.path) || bindsItself(file)) return [];
    return [
      {
        offset: node.getStart(),
        evidence: `imports ${name === 'default' ? `the ${origin.maker}` : name} of ${origin.path}, which ${origin.maker} made without a tenant`,
        advice: `Use the tenant-bound client here; keep the unbound one inside ${folder(origin.path)}.`,
      },
    ];
  });
}

/** A file that binds the client itself may import it from any folder. */
function bindsItself(file: CodeFile): boolean {
  return file.sql.some(({ text }) => /set_config\s*\(|\bset\s+local\b|\btenantry\.bind\s*\(/i.test(text));
}

interface Origin {
  readonly path: string;
  readonly maker: string;
}

/** Follows `export { db } from …` and `export * from …` to the file that creates the client. */
function clientOrigin(
  project: Project,
  from: string,
  specifier: string,
  name: string,
  depth: number,
): Origin | undefined {
  const target = project.resolveImport(from, specifier);
  if (!target || depth > 5) return undefined;
  const made = project.rootClients.get(target.path)?.find(({ exportedAs }) => exportedAs === name);
  if (made) return { path: target.path, maker: made.maker };
  for (const passed of project.passedOn(target)) {
    if (passed.name !== undefined && passed.name !== name) continue;
    const origin = clientOrigin(project, target.path, passed.specifier, passed.source ?? name, depth + 1);
    if (origin) return origin;
  }
  return undefined;
}

/** Prisma clients created outside the client folder of the same program. */
function secondMakers(file: CodeFile, project: Project): Sighting[] {
  const made = prismaClientsOf(file, project);
  const home = made.length === 0 ? undefined : homesOf(project).get(project.packageOf(file.path));
  if (home === undefined || folder(file.path) === home) return [];
  return made.map(({ node }) => ({
    offset: node.getStart(),
    evidence: `makes a PrismaClient of its own, beside the one in ${home}`,
    advice: `Make the client in one file, ${home}, and hand out clients that are bound to a tenant.`,
  }));
}

function prismaClientsOf(file: CodeFile, project: Project): readonly RootClient[] {
  return (project.rootClients.get(file.path) ?? []).filter(({ maker }) => maker === 'PrismaClient');
}

const homesByProject = new WeakMap<Project, ReadonlyMap<string, string>>();

/** The client folder of each program: the one whose client is imported most; without imports, the first. */
function homesOf(project: Project): ReadonlyMap<string, string> {
  const known = homesByProject.get(project);
  if (known) return known;
  const uses = new Map<string, number>();
  for (const file of project.code) {
    const imported = importsOf(file).map(
      ({ specifier }) => project.resolveImport(file.path, specifier)?.path,
    );
    for (const path of new Set(imported)) if (path !== undefined) uses.set(path, (uses.get(path) ?? 0) + 1);
  }
  const makers = project.code
    .filter((file) => !isMaintenance(file.path) && prismaClientsOf(file, project).length > 0)
    .map(({ path }) => path)
    .sort((one, other) => (uses.get(other) ?? 0) - (uses.get(one) ?? 0) || one.localeCompare(other));
  const homes = new Map<string, string>();
  for (const path of makers) {
    const program = project.packageOf(path);
    if (!homes.has(program)) homes.set(program, folder(path));
  }
  homesByProject.set(project, homes);
  return homes;
}

function folder(path: string): string {
  const end = path.lastIndexOf('/');
  return end === -1 ? '.' : path.slice(0, end);
}
