/**
 * The result of a PL/pgSQL function in a partial evaluation: follows its assignments, conditions, errors and handlers,
 * and both branches of a condition that is not known. A function with loops, dynamic SQL or statements that change
 * something has no value here.
 */
import type { DatabaseFunction } from './catalog.js';
import { isObject, parseProcedure, parseStatements, type Node } from './sql-parse.js';
import { ERROR, NULL, isFalse, isTrue, type Value } from './values.js';

type Variables = ReadonlyMap<string, Value>;
type Tree = Readonly<Record<string, unknown>>;

/**
 * How a way through the statements ends: with a result, by an error, or after the last one, the latter two with the variables
 * then. An error undoes what the database was told, and no assignment.
 */
type Ending = { readonly result: Value } | { readonly failedWith: Variables } | { readonly after: Variables };

/** What cannot be followed. */
class NotFollowed extends Error {}

/** Variables that PostgreSQL sets, whose values are not followed. */
const OF_THE_SERVER = new Set(['found', 'sqlstate', 'sqlerrm']);
/** More ways than this are not followed. */
const MOST_WAYS = 64;

/**
 * The results of all ways through the function; undefined when it cannot be followed.
 *
 * @param evaluate the value of an expression of SQL, with these variables
 */
export function resultsOfProcedure(
  target: DatabaseFunction,
  parameters: Variables,
  evaluate: (expression: Node, variables: Variables) => Value,
): readonly Value[] | undefined {
  const procedure = parseProcedure(target.definition ?? '');
  const parsed = at(procedure, 'plpgsql_funcs');
  const [first] = Array.isArray(parsed) ? (parsed as readonly unknown[]) : [];
  const body = at(first, 'PLpgSQL_function');
  const block = at(at(body, 'action'), 'PLpgSQL_stmt_block');
  if (!isObject(body) || !isObject(block)) return undefined;
  const datums = listAt(body, 'datums');
  const run = interpreter(datums, evaluate);
  try {
    const endings = run.block(block, run.initial(parameters));
    return endings.map((ending) => ('result' in ending ? ending.result : ERROR));
  } catch (error) {
    if (error instanceof NotFollowed) return undefined;
    throw error;
  }
}

interface Interpreter {
  readonly initial: (parameters: Variables) => Variables;
  readonly block: (block: Tree, variables: Variables) => readonly Ending[];
}

function interpreter(
  datums: readonly unknown[],
  evaluate: (expression: Node, variables: Variables) => Value,
): Interpreter {
  const valueOf = (text: string, variables: Variables): Value => {
    const expression = expressionOf(text);
    if (!expression) throw new NotFollowed();
    return evaluate(expression, variables);
  };
  const queryOf = (holder: unknown): string => {
    const query = at(at(holder, 'PLpgSQL_expr'), 'query');
    if (typeof query !== 'string') throw new NotFollowed();
    return query;
  };
  const nameOf = (index: unknown): string => {
    const name = typeof index === 'number' ? at(at(datums[index], 'PLpgSQL_var'), 'refname') : undefined;
    if (typeof name !== 'string') throw new NotFollowed();
    return name;
  };

  const initial = (parameters: Variables): Variables => {
    const variables = new Map(parameters);
    for (const datum of datums) {
      const variable = at(datum, 'PLpgSQL_var');
      const name = at(variable, 'refname');
      if (!isObject(variable) || typeof name !== 'string' || variables.has(name)) continue;
      if (OF_THE_SERVER.has(name)) continue;
      const given = variable['default_val'];
      variables.set(name, given === undefined ? NULL : valueOf(queryOf(given), variables));
    }
    return variables;
  };

  const sequence = (statements: readonly unknown[], variables: Variables): readonly Ending[] => {
    let open: readonly Variables[] = [variables];
    const ended: Ending[] = [];
    for (const each of statements) {
      const endings = open.flatMap((now) => statement(each, now));
      ended.push(...endings.filter((ending) => !('after' in ending)));
      open = endings.flatMap((ending) => ('after' in ending ? [ending.after] : []));
      if (open.length + ended.length > MOST_WAYS) throw new NotFollowed();
    }
    return [...ended, ...open.map((after) => ({ after }))];
  };

  const block = (tree: Tree, variables: Variables): readonly Ending[] => {
    const endings = sequence(listAt(tree, 'body'), variables);
    const handlers = listAt(at(at(tree, 'exceptions'), 'PLpgSQL_exception_block'), 'exc_list');
    if (handlers.length === 0) return endings;
    // Which handler takes an error is not followed.
    const handled = endings
      .flatMap((ending) => ('failedWith' in ending ? [ending.failedWith] : []))
      .flatMap((then) =>
        handlers.flatMap((handler) => sequence(listAt(at(handler, 'PLpgSQL_exception'), 'action'), then)),
      );
    if (handled.length > MOST_WAYS) throw new NotFollowed();
    const takesAll = JSON.stringify(handlers).includes('"condname":"others"');
    return [...endings.filter((ending) => !takesAll || !('failedWith' in ending)), ...handled];
  };

  const branches = (tree: Tree, variables: Variables): readonly Ending[] => {
    const conditions = [
      { when: tree['cond'], then: listAt(tree, 'then_body') },
      ...listAt(tree, 'elsif_list').map((each) => {
        const branch = at(each, 'PLpgSQL_if_elsif');
        return { when: at(branch, 'cond'), then: listAt(branch, 'stmts') };
      }),
    ];
    const endings: Ending[] = [];
    for (const { when, then } of conditions) {
      const condition = valueOf(queryOf(when), variables);
      if (condition.kind === 'error') return [...endings, { failedWith: variables }];
      if (isTrue(condition)) return [...endings, ...sequence(then, variables)];
      if (condition.kind === 'unknown') endings.push(...sequence(then, variables));
      else if (!isFalse(condition) && condition.kind !== 'null') throw new NotFollowed();
    }
    return [...endings, ...sequence(listAt(tree, 'else_body'), variables)];
  };

  /** The row that a query finds, or NULL when it finds none. */
  const selection = (tree: Tree, variables: Variables): Variables => {
    const target = at(tree['target'], 'PLpgSQL_row');
    const [parsed] = parseStatements(queryOf(tree['sqlstmt'])) ?? [];
    if (!isObject(target) || !parsed || !('SelectStmt' in parsed)) throw new NotFollowed();
    const select = parsed.SelectStmt;
    const after = new Map(variables);
    listAt(target, 'fields').forEach((field, position) => {
      const wanted = select.targetList?.[position];
      if (!wanted) throw new NotFollowed();
      const subselect: Node = { SelectStmt: { ...select, targetList: [wanted] } };
      after.set(
        nameOf(at(field, 'varno')),
        evaluate({ SubLink: { subLinkType: 'EXPR_SUBLINK', subselect } }, variables),
      );
    });
    return after;
  };

  const statement = (tree: unknown, variables: Variables): readonly Ending[] => {
    const [kind, content] = isObject(tree) ? (Object.entries(tree)[0] ?? []) : [];
    if (!isObject(content)) throw new NotFollowed();
    switch (kind) {
      case 'PLpgSQL_stmt_block':
        return block(content, variables);
      case 'PLpgSQL_stmt_if':
        return branches(content, variables);
      case 'PLpgSQL_stmt_raise':
        return content['elog_level'] === RAISES_ERROR ? [{ failedWith: variables }] : [{ after: variables }];
      case 'PLpgSQL_stmt_return': {
        if (content['retvarno'] !== undefined) {
          return [{ result: variables.get(nameOf(content['retvarno'])) ?? NULL }];
        }
        const result = content['expr'] === undefined ? NULL : valueOf(queryOf(content['expr']), variables);
        return [result.kind === 'error' ? { failedWith: variables } : { result }];
      }
      case 'PLpgSQL_stmt_assign': {
        const assignment = /^\s*("?[\w$]+"?)\s*:?=\s*([\s\S]+)$/.exec(queryOf(content['expr']));
        if (!assignment) throw new NotFollowed();
        const value = valueOf(assignment[2]!, variables);
        if (value.kind === 'error') return [{ failedWith: variables }];
        return [{ after: new Map([...variables, [nameOf(content['varno']), value] as const]) }];
      }
      case 'PLpgSQL_stmt_execsql': {
        if (content['into'] !== true) throw new NotFollowed();
        const after = selection(content, variables);
        const fails = [...after].some(
          ([name, { kind }]) => kind === 'error' && variables.get(name)?.kind !== 'error',
        );
        return [fails ? { failedWith: variables } : { after }];
      }
      default:
        throw new NotFollowed();
    }
  };

  return { initial, block };
}

/** PostgreSQL's number of RAISE EXCEPTION. */
const RAISES_ERROR = 21;

function expressionOf(text: string): Node | undefined {
  const [parsed] = parseStatements(`SELECT ${text}`) ?? [];
  if (!parsed || !('SelectStmt' in parsed)) return undefined;
  const { targetList, fromClause } = parsed.SelectStmt;
  const [only] = targetList ?? [];
  if (fromClause !== undefined) {
    return { SubLink: { subLinkType: 'EXPR_SUBLINK', subselect: parsed } };
  }
  return only && 'ResTarget' in only ? only.ResTarget.val : undefined;
}

function at(tree: unknown, key: string): unknown {
  return isObject(tree) ? tree[key] : undefined;
}

function listAt(tree: unknown, key: string): readonly unknown[] {
  const found = at(tree, key);
  return Array.isArray(found) ? (found as readonly unknown[]) : [];
}
