import type { JsonReply } from '../harness/json-client.ts';

/** One observation of the crash fleet. */
export interface ObservationKey {
  readonly device: number;
  readonly seq: number;
}

const sent = 1;
const acknowledged = 2;
const toldStored = 4;

/**
 * What the client knows of one kind of observation: which ones it sent and which ones the server acknowledged. It lives with
 * the client, so no crash of the server touches it. Whatever contradicts it is a violation.
 */
export class Ledger {
  readonly devices: number;
  /** For messages. */
  readonly what: string;
  readonly violations: string[] = [];
  #violationCount = 0;
  #acknowledged = 0;
  #duplicates = 0;
  readonly #marks: Uint8Array[];
  readonly #next: Uint32Array;

  constructor(devices: number, what = 'event') {
    this.devices = devices;
    this.what = what;
    this.#marks = Array.from({ length: devices }, () => new Uint8Array(1024));
    this.#next = new Uint32Array(devices);
  }

  /** Observations that were made; all have been sent, or wait for their first sending. */
  get made(): number {
    return this.#next.reduce((sum, value) => sum + value, 0);
  }

  get acknowledgedCount(): number {
    return this.#acknowledged;
  }

  /** Replies `duplicate`: of deliberate ones, and of observations whose reply a crash had swallowed. */
  get duplicateReplies(): number {
    return this.#duplicates;
  }

  get violationCount(): number {
    return this.#violationCount;
  }

  /** Counter of a device's next observation; smaller ones exist. */
  count(device: number): number {
    return this.#next[device]!;
  }

  /** Makes the next observation of a device. */
  make(device: number): ObservationKey {
    const seq = this.#next[device]!;
    this.#next[device] = seq + 1;
    let marks = this.#marks[device]!;
    if (seq >= marks.length) {
      const larger = new Uint8Array(marks.length * 2);
      larger.set(marks);
      this.#marks[device] = larger;
      marks = larger;
    }
    marks[seq] = sent;
    return { device, seq };
  }

  /** Observations that were made before, of devices at random, whatever became of them. */
  old(count: number): ObservationKey[] {
    const devices = Array.from({ length: count }, () => this.anyDevice()).filter((it) => this.count(it) > 0);
    return devices.map((device) => ({ device, seq: Math.floor(Math.random() * this.count(device)) }));
  }

  anyDevice(): number {
    return Math.floor(Math.random() * this.devices);
  }

  isAcknowledged(device: number, seq: number): boolean {
    return ((this.#marks[device]![seq] ?? 0) & acknowledged) !== 0;
  }

  /** Notes the server's word about one observation. */
  note(key: ObservationKey, result: unknown): void {
    const marks = this.#marks[key.device]!;
    const mark = marks[key.seq]!;
    const name = `device ${key.device} ${this.what} ${key.seq}`;
    if (result === 'stored') {
      if ((mark & toldStored) !== 0) this.violation(`${name}: acknowledged as stored twice`);
      marks[key.seq] = mark | acknowledged | toldStored;
    } else if (result === 'duplicate') {
      this.#duplicates++;
      marks[key.seq] = mark | acknowledged;
    } else {
      this.violation(`${name}: ${JSON.stringify(result)}`);
      return;
    }
    if ((mark & acknowledged) === 0) this.#acknowledged++;
  }

  /** Notes that observations are on disk, where the server does not tell new ones from those that it knew. */
  acknowledge(keys: readonly ObservationKey[]): void {
    for (const { device, seq } of keys) {
      const marks = this.#marks[device]!;
      if ((marks[seq]! & acknowledged) === 0) this.#acknowledged++;
      marks[seq] = marks[seq]! | acknowledged;
    }
  }

  /** Notes a reply that has a result for each observation, in their order. */
  noteResults(path: string, keys: readonly ObservationKey[], { status, body }: JsonReply): void {
    const results = body?.['results'];
    if (status !== 200 || !Array.isArray(results) || results.length !== keys.length) {
      this.violation(`${path} answered ${status} ${JSON.stringify(body)?.slice(0, 300)}`);
      return;
    }
    keys.forEach((key, index) => {
      const item = results[index] as { index?: unknown; result?: unknown };
      this.note(key, item.index === index && typeof item.result === 'string' ? item.result : item);
    });
  }

  violation(text: string): void {
    this.#violationCount++;
    if (this.violations.length < 20) this.violations.push(text);
  }
}
