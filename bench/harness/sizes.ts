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
};
