/** One row of an answer. */
export type Row = Readonly<Record<string, unknown>>;

/** A question, or a statement that changes something. */
export type Task =
  | { readonly ask: string }
  /** `alone`: outside of any transaction. */
  | { readonly run: string; readonly alone?: boolean };

/** Where a migration works. */
export interface Workplace {
  /** Schema of the tables, for statements that run outside of a transaction; within one, tables need no schema. */
  readonly schema: string;
  /** False where nobody else uses the tables yet: then everything runs in one transaction. */
  readonly concurrently: boolean;
}

/**
 * Statements; or, where they depend on what is there, a generator that yields questions and statements and is given the rows
 * of its last question. A dry run asks the questions as well, of a store in which none of the statements ran: a generator must
 * come to an end on whatever it is answered.
 */
export type Work = readonly string[] | ((workplace: Workplace) => Generator<Task, void, readonly Row[]>);

/** One version of a schema. Never changed once released. */
export interface Migration {
  /** 1 for the first, without gaps. */
  readonly version: number;
  /** Kebab-case. */
  readonly name: string;
  /** What it is for, and what it costs, in one sentence. */
  readonly note: string;
  readonly up: Work;
  /** Takes the tables back to the version before. It must find its way where an earlier try ended anywhere. */
  readonly down: Work;
  /** `down` removes what devices sent and cannot be computed again. */
  readonly dropsData?: true;
  /**
   * Statement by statement and beside running commits, for as long as it takes. Both directions must find their way where an
   * earlier try ended anywhere. A store works without it: opening one with data in it leaves it to `pisync store migrate`.
   */
  readonly concurrently?: true;
}

/** Answers and runs the tasks of a migration. */
export interface Hands {
  ask(question: string): Promise<readonly Row[]>;
  run(statement: string, alone: boolean): Promise<void>;
}

/** Does the work of a migration in one direction. */
export async function perform(work: Work, workplace: Workplace, hands: Hands): Promise<void> {
  const tasks = tasksOf(work, workplace);
  let rows: readonly Row[] = [];
  for (;;) {
    const { done, value: task } = tasks.next(rows);
    if (done === true) return;
    rows = [];
    if ('ask' in task) rows = await hands.ask(task.ask);
    else await hands.run(task.run, task.alone === true);
  }
}

/** {@link perform} for a driver that answers at once. */
export function performNow(
  work: Work,
  workplace: Workplace,
  hands: { ask(question: string): readonly Row[]; run(statement: string): void },
): void {
  const tasks = tasksOf(work, workplace);
  let rows: readonly Row[] = [];
  for (;;) {
    const { done, value: task } = tasks.next(rows);
    if (done === true) return;
    rows = [];
    if ('ask' in task) rows = hands.ask(task.ask);
    else hands.run(task.run);
  }
}

function tasksOf(work: Work, workplace: Workplace): Generator<Task, void, readonly Row[]> {
  return typeof work === 'function' ? work(workplace) : statementTasks(work);
}

function* statementTasks(statements: readonly string[]): Generator<Task, void, readonly Row[]> {
  for (const run of statements) yield { run };
}
