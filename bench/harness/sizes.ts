/** How much of everything a run does. */
export interface Sizes {
  readonly devices: number;
  readonly single: {
    readonly connections: readonly number[];
    readonly rounds: number;
    readonly seconds: number;
    readonly warmUpSeconds: number;
  };
  readonly openLoop: {
    readonly rate: number;
    readonly connections: number;
    readonly durationMs: number;
    readonly warmUpMs: number;
  };
  readonly batches: {
    readonly batchSize: number;
    readonly connections: number;
    readonly warmUpEvents: number;
    readonly events: number;
    readonly rounds: number;
  };
  readonly growth: { readonly events: number; readonly step: number };
  readonly queries: { readonly requests: number };
  readonly start: { readonly rounds: number };
  readonly herd: {
    readonly devices: number;
    readonly eventsPerDevice: number;
    readonly eventsPerRequest: number;
    readonly windowSeconds: number;
    readonly connections: number;
  };
  readonly telemetry: TelemetrySizes;
  readonly postgres: PostgresSizes;
  readonly imports: {
    readonly rows: number;
    readonly networks: number;
    /** Parts of a map that are asked for. */
    readonly viewports: number;
  };
}

interface TelemetrySizes {
  readonly connections: number;
  readonly rounds: number;
  readonly lines: {
    readonly devices: number;
    readonly batches: readonly number[];
    readonly warmUpPoints: number;
    readonly points: number;
  };
  readonly json: {
    readonly devices: number;
    readonly batchPoints: number;
    readonly warmUpPoints: number;
    readonly points: number;
  };
  readonly growth: { readonly devices: number; readonly points: number; readonly step: number };
  readonly size: { readonly devices: number; readonly points: number };
  readonly queries: {
    /** Series that are summed up, and points of each. */
    readonly longSeries: number;
    readonly pointsEach: number;
    /** Further devices, for their newest points. */
    readonly devices: number;
    readonly requests: number;
  };
}

interface PostgresSizes {
  /** Of each question about events. */
  readonly requests: number;
  /** Long series, and points of each: a multiple of 50,000. */
  readonly longSeries: { readonly longSeries: number; readonly pointsEach: number };
  readonly commits: {
    readonly batchSize: number;
    /** Batches that are handed to the store at once. */
    readonly underWay: number;
    /** Each of one event of each device. */
    readonly rounds: number;
  };
  readonly points: {
    readonly devices: number;
    readonly batchPoints: number;
    readonly underWay: number;
    readonly points: number;
    readonly rounds: number;
  };
}

/** What the table of results is made with. */
export const fullSizes: Sizes = {
  devices: 100_000,
  single: { connections: [64, 256], rounds: 3, seconds: 6, warmUpSeconds: 3 },
  openLoop: { rate: 10_000, connections: 1000, durationMs: 20_000, warmUpMs: 5000 },
  batches: { batchSize: 500, connections: 8, warmUpEvents: 200_000, events: 2_000_000, rounds: 3 },
  growth: { events: 10_000_000, step: 1_000_000 },
  queries: { requests: 4000 },
  start: { rounds: 5 },
  // The last device comes a little before the minute is over, so that "done in 60 s" can be seen.
  herd: { devices: 100_000, eventsPerDevice: 24, eventsPerRequest: 24, windowSeconds: 58, connections: 1000 },
  telemetry: {
    connections: 8,
    rounds: 3,
    lines: { devices: 1000, batches: [1000, 10_000], warmUpPoints: 500_000, points: 4_000_000 },
    json: { devices: 1000, batchPoints: 10_000, warmUpPoints: 300_000, points: 1_500_000 },
    growth: { devices: 100_000, points: 50_000_000, step: 2_000_000 },
    size: { devices: 100, points: 10_000_000 },
    queries: { longSeries: 10, pointsEach: 1_000_000, devices: 1000, requests: 40 },
  },
  postgres: {
    requests: 2000,
    longSeries: { longSeries: 3, pointsEach: 1_000_000 },
    commits: { batchSize: 1000, underWay: 8, rounds: 5 },
    points: { devices: 100, batchPoints: 10_000, underWay: 8, points: 1_000_000, rounds: 3 },
  },
  imports: { rows: 1_000_000, networks: 200_000, viewports: 50 },
};

/** A smoke test: every path once. */
export const quickSizes: Sizes = {
  devices: 2000,
  single: { connections: [16], rounds: 1, seconds: 1, warmUpSeconds: 1 },
  openLoop: { rate: 500, connections: 50, durationMs: 1500, warmUpMs: 500 },
  batches: { batchSize: 500, connections: 4, warmUpEvents: 4000, events: 40_000, rounds: 1 },
  growth: { events: 100_000, step: 10_000 },
  queries: { requests: 100 },
  start: { rounds: 2 },
  herd: { devices: 1000, eventsPerDevice: 24, eventsPerRequest: 12, windowSeconds: 2, connections: 100 },
  telemetry: {
    connections: 4,
    rounds: 1,
    lines: { devices: 1000, batches: [1000, 10_000], warmUpPoints: 20_000, points: 100_000 },
    json: { devices: 100, batchPoints: 10_000, warmUpPoints: 20_000, points: 100_000 },
    growth: { devices: 5000, points: 500_000, step: 50_000 },
    size: { devices: 10, points: 600_000 },
    queries: { longSeries: 10, pointsEach: 30_000, devices: 100, requests: 20 },
  },
  postgres: {
    requests: 50,
    longSeries: { longSeries: 2, pointsEach: 50_000 },
    commits: { batchSize: 1000, underWay: 8, rounds: 3 },
    points: { devices: 100, batchPoints: 10_000, underWay: 8, points: 100_000, rounds: 1 },
  },
  imports: { rows: 20_000, networks: 4000, viewports: 20 },
};
