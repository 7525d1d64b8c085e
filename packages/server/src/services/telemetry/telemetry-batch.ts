import { decodeTelemetry, type ItemProblem, PointBatchBuilder, type RawItem } from '@pisync/protocol';
import type { RejectedItem } from '../../ports/store.ts';
import type { Ingest } from '../ingest/ingest.ts';
import { ownerOf } from '../ingest/ingest.ts';
import { rejectedItem } from '../ingest/rejection.ts';
import type { Telemetry } from './telemetry.ts';

/** Where rejected items of this way are told to come from. */
const TELEMETRY_SOURCE = 'telemetry';

/** Why one item of a batch was rejected. */
export interface RejectedTelemetry {
  readonly index: number;
  readonly problem: ItemProblem;
}

/** What became of a batch. */
export interface TelemetryReceipt {
  readonly points: number;
  readonly stored: number;
  readonly rejected: readonly RejectedTelemetry[];
}

/** One request of telemetry in JSON on its way in. */
export class TelemetryBatch {
  readonly #ingest: Ingest;
  readonly #telemetry: Telemetry;
  readonly #builder = new PointBatchBuilder();
  readonly #rejected: RejectedItem[] = [];
  readonly #problems: RejectedTelemetry[] = [];
  readonly #maxPoints: number;
  #items = 0;

  /** @param maxPoints - of the whole request */
  constructor(ingest: Ingest, telemetry: Telemetry, maxPoints: number) {
    this.#ingest = ingest;
    this.#telemetry = telemetry;
    this.#maxPoints = maxPoints;
  }

  /** True where the request holds more points than it may. */
  get full(): boolean {
    return this.#builder.count > this.#maxPoints;
  }

  /** Takes items as the splitter found them. */
  add(items: readonly RawItem[]): void {
    const receivedAt = this.#ingest.clock.now();
    for (const { index, value, text, problem, truncated } of items) {
      this.#items += 1;
      const found = problem ?? decodeTelemetry(value, { defaultTime: receivedAt * 1000 }, this.#builder);
      if (found === undefined) continue;
      this.#problems.push({ index, problem: found });
      const owned = { ...found, deviceId: ownerOf(found) };
      this.#rejected.push(rejectedItem(owned, text, TELEMETRY_SOURCE, receivedAt, truncated));
    }
  }

  /** Stores what came. @throws {PisyncError} as {@link Telemetry.take} */
  async finish(): Promise<TelemetryReceipt> {
    const batch = this.#builder.finish();
    if (batch.count > 0 || this.#rejected.length > 0) await this.#telemetry.take(batch, this.#rejected);
    return {
      points: batch.count,
      stored: this.#items - this.#problems.length,
      rejected: this.#problems,
    };
  }
}
