/** Upper bounds of the duration histogram, in seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

const NAME = 'pisync_http_request_duration_seconds';

/** Counts of one route and status: one cell per bucket, the last without a bound. */
interface Series {
  readonly labels: { readonly route: string; readonly status: string };
  readonly cells: Float64Array;
  sum: number;
}

/**
 * The duration histogram by route and status, in the shape that the metrics registry reads. It is our own because it is
 * written on the hot path: an array index instead of hashing labels.
 */
export class RouteDurations {
  readonly name = NAME;
  readonly help = 'Time from the start of a request to its reply';
  readonly type = 'histogram';
  readonly #routes: readonly string[];
  readonly #series: (Series | undefined)[] = [];

  constructor(routes: readonly string[]) {
    this.#routes = routes;
  }

  observe(route: number, status: number, milliseconds: number): void {
    const at = route * 1000 + status;
    let series = this.#series[at];
    if (series === undefined) {
      const labels = { route: this.#routes[route] ?? 'unknown', status: String(status) };
      series = { labels, cells: new Float64Array(BOUNDS.length + 1), sum: 0 };
      this.#series[at] = series;
    }
    const seconds = milliseconds / 1000;
    let cell = 0;
    while (cell < BOUNDS.length && seconds > (BOUNDS[cell] as number)) cell += 1;
    series.cells[cell] = (series.cells[cell] as number) + 1;
    series.sum += seconds;
  }

  /** What the registry asks for. */
  async get(): Promise<{ name: string; help: string; type: string; values: object[]; aggregator: string }> {
    const values: object[] = [];
    for (const series of this.#series) {
      if (series !== undefined) this.#export(series, values);
    }
    return { name: NAME, help: this.help, type: this.type, values, aggregator: 'sum' };
  }

  /** Required by the registry's interface: forgets everything. */
  reset(): void {
    this.#series.length = 0;
  }

  #export({ labels, cells, sum }: Series, values: object[]): void {
    let count = 0;
    for (let cell = 0; cell < cells.length; cell += 1) {
      count += cells[cell] as number;
      const le = BOUNDS[cell] ?? '+Inf';
      values.push({ metricName: `${NAME}_bucket`, labels: { le, ...labels }, value: count });
    }
    values.push({ metricName: `${NAME}_sum`, labels, value: sum });
    values.push({ metricName: `${NAME}_count`, labels, value: count });
  }
}
