import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ObservedDetection } from '@pisync/protocol';
import { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';
import { verifyStore } from '../../../../src/adapters/store/sqlite/state/verify.ts';
import { Housekeeping } from '../../../../src/adapters/store/sqlite/threads/housekeeping.ts';
import { OnDemandThread } from '../../../../src/adapters/store/sqlite/threads/on-demand-thread.ts';
import { startThread } from '../../../../src/adapters/store/sqlite/threads/start-thread.ts';
import { wander } from '../sealed-detections/sealed-rows.ts';
import { commitTo } from '../state/engine-answers.ts';
import { placeFor } from './place.ts';

const maintenance = new URL('../../../../src/adapters/store/sqlite/threads/maintenance.ts', import.meta.url);

/** The thread that seals, and what is done before each of its calls. */
class Watched extends OnDemandThread {
  before: (method: string) => void | Promise<void> = () => undefined;

  override async call<T>(method: string, argument: unknown): Promise<T> {
    await this.before(method);
    return super.call<T>(method, argument);
  }
}

/** An engine with its housekeeping, as the writer thread has them. */
export class KeptStore {
  readonly engine: Engine;
  readonly thread: Watched;
  readonly housekeeping: Housekeeping;
  #next = 1;

  constructor(context: TestContext, sealDetections: number) {
    const path = placeFor(context);
    this.engine = new Engine(path, 'failure');
    this.thread = new Watched(() => startThread(maintenance, { path }, false), 1000);
    this.housekeeping = new Housekeeping(this.engine, this.thread, {
      sealEvents: 1000,
      sealDetections,
      onFailure: (error) => assert.fail(String(error)),
    });
    context.after(async () => {
      await this.housekeeping.stop();
      this.engine.close();
    });
  }

  /** The number of the newest detection. */
  get newest(): number {
    return this.#next - 1;
  }

  get folded(): number {
    return this.engine.detections.folded;
  }

  commit(count: number): void {
    const detections = wander(count, this.#next, this.#next).map(
      ({ ordinal: _ordinal, ...one }): ObservedDetection => one,
    );
    this.#next += count;
    commitTo(this.engine, { observations: [], rejected: [], detections });
  }

  async sound(): Promise<void> {
    await this.housekeeping.foldDetections();
    const { path } = this.engine;
    const faults = (await verifyStore(path)).filter(({ severity }) => severity !== 'ok');
    assert.deepEqual(faults, []);
    const { detections } = this.engine.db
      .prepare('SELECT sum(detections) AS detections FROM network')
      .get() as { detections: number };
    assert.equal(detections, this.newest);
  }
}
