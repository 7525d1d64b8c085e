/** One event of the crash fleet. */
export interface EventKey {
  readonly device: number;
  readonly seq: number;
}

const sent = 1;
const acknowledged = 2;
const toldStored = 4;

/**
 * What the client knows: which events it sent and which ones the server acknowledged. It lives with the client, so
 * no crash of the server touches it. Whatever contradicts it is a violation.
 */
export class Ledger {
  readonly devices: number;
  readonly violations: string[] = [];
  #violationCount = 0;
  #acknowledged = 0;
  #duplicates = 0;
  readonly #marks: Uint8Array[];
  readonly #next: Uint32Array;

  constructor(devices: number) {
    this.devices = devices;
    this.#marks = Array.from({ length: devices }, () => new Uint8Array(1024));
    this.#next = new Uint32Array(devices);
  }

  /** Events that were made; all have been sent, or wait for their first sending. */
  get made(): number {
    return this.#next.reduce((sum, value) => sum + value, 0);
  }

  get acknowledgedCount(): number {
    return this.#acknowledged;
  }

  /** Replies `duplicate`: of deliberate ones, and of events whose reply a crash had swallowed. */
  get duplicateReplies(): number {
    return this.#duplicates;
  }

  get violationCount(): number {
    return this.#violationCount;
  }

  /** Counter of a device's next event; smaller ones exist. */
  count(device: number): number {
    return this.#next[device]!;
  }

  /** Makes the next event of a device. */
  make(device: number): EventKey {
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

  isAcknowledged(device: number, seq: number): boolean {
    return ((this.#marks[device]![seq] ?? 0) & acknowledged) !== 0;
  }

  /** Notes the server's word about one event. */
  note(key: EventKey, result: unknown): void {
    const marks = this.#marks[key.device]!;
    const mark = marks[key.seq]!;
    const name = `device ${key.device} event ${key.seq}`;
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

  violation(text: string): void {
    this.#violationCount++;
    if (this.violations.length < 20) this.violations.push(text);
  }
}
