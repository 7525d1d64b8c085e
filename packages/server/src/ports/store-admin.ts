/** What an operator asks of {@link StoreAdmin.migrate}. */
export interface MigrationRequest {
  /** Version to arrive at; else the newest, or with `down` the one before the present one. */
  readonly to?: number | undefined;
  /** Allows to go back to an older version. */
  readonly down: boolean;
  /** Allows steps that remove what devices sent. */
  readonly dropData: boolean;
  /** Changes nothing and only tells the statements. */
  readonly dryRun: boolean;
  /** Called before each statement that changes something, and with `dryRun` as well. */
  readonly onStatement?: ((step: MigrationStepView, statement: string) => void) | undefined;
}

/** One version up or down. */
export interface MigrationStepView {
  readonly from: number;
  readonly to: number;
  readonly name: string;
  /** What it is for, and what it costs. */
  readonly note: string;
  /** Builds beside running commits, statement by statement; may take long. */
  readonly concurrently: boolean;
  /** Removes what devices sent. */
  readonly dropsData: boolean;
}

export interface MigrationReport {
  /** Version before. */
  readonly from: number;
  /** Version afterwards; with `dryRun` the one that would be. */
  readonly to: number;
  /** Newest version that this PiSync knows. */
  readonly newest: number;
  readonly steps: readonly (MigrationStepView & { readonly statements: readonly string[] })[];
}

/** One table, or one partition of one. */
export interface TableSize {
  readonly name: string;
  /** Table that this is a partition of; null for a whole table, whose figures include those of its partitions. */
  readonly partitionOf: string | null;
  /** With its indexes. */
  readonly bytes: number;
  /** The server's estimate; null where it has none yet. */
  readonly rows: number | null;
}

export interface SchemaStatus {
  /** 0 where there is no store yet. */
  readonly version: number;
  readonly newest: number;
  /** Steps up to the newest version that were not done yet. */
  readonly pending: readonly MigrationStepView[];
  /** Of the whole store. */
  readonly bytes: number;
  readonly tables: readonly TableSize[];
}

/** One declared policy of a store, such as how long telemetry is kept. */
export interface PolicyView {
  readonly name: string;
  /** As it is written, such as `30` or `off`. */
  readonly value: string;
  readonly default: string;
  /** What may be written, for people. */
  readonly allowed: string;
  readonly help: string;
}

/**
 * Looks after the tables of a store, beside the servers that use it.
 *
 * Every method throws {@link PisyncError} `store_newer` for a store of a newer PiSync, `store_unavailable` where the
 * database does not answer, and `invalid_config` with the fix where something else is asked for than this store has.
 */
export interface StoreAdmin {
  /** Steps done before a failure stay done, and the next call goes on behind them. */
  migrate(request: MigrationRequest): Promise<MigrationReport>;

  status(): Promise<SchemaStatus>;

  policies(): Promise<readonly PolicyView[]>;

  /** Changes policies, all or none; what they ask for is done by the next round of maintenance. */
  setPolicies(values: ReadonlyMap<string, string>): Promise<void>;

  close(): Promise<void>;
}
