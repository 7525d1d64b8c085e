import { DaySums, EventDigest } from '../../core/copy/event-digest.ts';
import { PositionSet } from '../../core/copy/position-set.ts';
import type { CopiedEvent, StoreSnapshot } from '../../ports/store-copy.ts';
import { type KindReport, MAX_DIFFERENCES, type MoveDifference } from './move-report.ts';

/**
 * Compares the events of two stores by device and day. Each event is read once from either; a few megabytes of sums are held,
 * and a bit for each position.
 */
export class EventComparison {
  readonly #digest = new EventDigest();
  /** What was read of the source, and of the target. */
  readonly source = new PositionSet();
  readonly target = new PositionSet();
  /** Events that came twice, which no store has. */
  #twice = 0;

  addSource(events: readonly CopiedEvent[]): void {
    for (const event of events) {
      if (this.source.add(event.position)) this.#digest.add(event);
      else this.#twice += 1;
    }
  }

  addTarget(events: readonly CopiedEvent[]): void {
    for (const event of events) {
      this.#digest.remove(event);
      if (!this.target.add(event.position)) this.#twice += 1;
    }
  }

  report(): KindReport {
    const { added, removed, digits } = this.#digest;
    const same = this.#twice === 0 && this.#digest.differences().size === 0;
    return { kind: 'events', source: added, target: removed, digest: digits, same };
  }

  /** The days that differ, by reading both stores again. */
  async explain(source: StoreSnapshot, target: StoreSnapshot): Promise<readonly MoveDifference[]> {
    const buckets = this.#digest.differences();
    const [expected, found] = [await this.#sums(source, buckets), await this.#sums(target, buckets)];
    const differences: MoveDifference[] = [];
    for (const key of new Set([...expected.keys(), ...found.keys()])) {
      const [a, b] = [expected.get(key), found.get(key)];
      if (a?.digest === b?.digest && a?.events === b?.events) continue;
      const { deviceId, day } = (a ?? b) as { deviceId: string; day: number };
      const told = (sum: typeof a) => (sum === undefined ? null : `${sum.events} events, ${sum.digest}`);
      differences.push({
        kind: 'events',
        what: `${deviceId} on ${new Date(day).toISOString().slice(0, 10)}`,
        source: told(a),
        target: told(b),
      });
      if (differences.length === MAX_DIFFERENCES) break;
    }
    return differences;
  }

  async #sums(store: StoreSnapshot, buckets: ReadonlySet<number>): Promise<ReturnType<DaySums['days']>> {
    const sums = new DaySums();
    const known = new PositionSet();
    for await (const events of store.events(known, Number.POSITIVE_INFINITY)) {
      for (const event of events) if (buckets.has(this.#digest.bucketOf(event))) sums.add(event);
    }
    return sums.days();
  }
}
