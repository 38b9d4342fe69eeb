/**
 * Runs the steps of a Dockerfile like a build, with one folder per stage. Supports FROM, WORKDIR, COPY, RUN, ENV, USER,
 * EXPOSE, HEALTHCHECK and CMD; refuses all others, so that no step is skipped.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';
import dockerignore from '@balena/dockerignore';

const run = promisify(execFile);

/** The process of a container of the image. */
export interface Image {
  /** The working directory, on this machine. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
}

interface Stage {
  readonly root: string;
  workdir: string;
  user: string | undefined;
  command: readonly string[];
  healthCheck: readonly string[];
  readonly env: Record<string, string>;
}

/**
 * @param context the build context; `<Dockerfile>.dockerignore` excludes files
 * @param scratch an empty folder for the stages
 */
export async function buildImage(dockerfile: string, context: string, scratch: string): Promise<Image> {
  const excluded = dockerignore.default().add(await readFile(`${dockerfile}.dockerignore`, 'utf8'));
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const step of DockerfileParser.parse(await readFile(dockerfile, 'utf8')).getInstructions()) {
    if (step.getKeyword() === 'FROM') {
      const [, , name = `stage ${stages.size}`] = wordsOf(step);
      stage = {
        root: join(scratch, name),
        workdir: '/',
        user: undefined,
        command: [],
        healthCheck: [],
        env: {},
      };
      stages.set(name, stage);
    } else if (stage !== undefined) {
      await perform(step, stage, { stages, context, excluded });
    }
  }
  if (stage === undefined) throw new Error('The Dockerfile has no stage.');
  const { root, workdir, env, user, command, healthCheck } = stage;
  return { folder: join(root, workdir), env, user, command, healthCheck };
}

interface Build {
  readonly stages: ReadonlyMap<string, Stage>;
  readonly context: string;
  readonly excluded: ReturnType<typeof dockerignore.default>;
}

async function perform(step: Instruction, stage: Stage, build: Build): Promise<void> {
  const words = wordsOf(step);
  const folder = () => join(stage.root, stage.workdir);
  switch (step.getKeyword()) {
    case 'WORKDIR':
      stage.workdir = words[0]!;
      await mkdir(folder(), { recursive: true });
      return;
    case 'COPY':
      return copy(step, folder(), build);
    case 'RUN':
      process.stderr.write(`RUN ${words.join(' ')}\n`);
      await run('sh', ['-c', step.getRawArgumentsContent() ?? ''], {
        cwd: folder(),
        env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...stage.env },
        maxBuffer: 64 * 1024 * 1024,
      });
      return;
    case 'ENV':
      for (const word of words) stage.env[word.split('=', 1)[0]!] = word.slice(word.indexOf('=') + 1);
      return;
    case 'USER':
      stage.user = words[0];
      return;
    case 'CMD':
      stage.command = jsonWords(step);
      return;
    case 'HEALTHCHECK':
      stage.healthCheck = jsonWords(step);
      return;
    case 'EXPOSE':
      return;
    default:
      throw new Error(`${step.getKeyword()} is not known here.`);
  }
}

const wordsOf = (step: Instruction): string[] =>
  (step.getRawArgumentsContent() ?? '').split(/\s+/).filter((word) => word !== '');

/** The words of a command in exec form. In the shell form, a shell would receive the process's signals. */
function jsonWords(step: Instruction): string[] {
  const list = /\[.*\]$/s.exec(step.getRawArgumentsContent() ?? '')?.[0];
  if (list === undefined) throw new Error(`${step.getKeyword()} has to be in the exec form.`);
  return JSON.parse(list) as string[];
}

async function copy(step: Instruction, folder: string, build: Build): Promise<void> {
  const from = /--from=(\S+)/.exec(step.getTextContent())?.[1];
  const paths = wordsOf(step);
  const destination = join(folder, paths.at(-1)!);
  for (const source of paths.slice(0, -1)) {
    const path =
      from === undefined ? join(build.context, source) : join(build.stages.get(from)!.root, source);
    if (from === undefined && build.excluded.ignores(source)) throw new Error(`${source} is excluded.`);
    // Copies the content of a folder, or a file itself.
    const isFolder = (await stat(path)).isDirectory();
    const target = isFolder ? destination : join(destination, basename(source));
    await cp(path, target, { recursive: true, verbatimSymlinks: true });
  }
}
