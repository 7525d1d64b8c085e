import { writeInstant, writeSpacePadded, writeZeroPadded } from './digits.ts';

/**
 * How a generated event can be told from all others: `seq` by epoch and counter, as an agent sends it, `digest` by
 * its canonical body, as a plain device that only has a timestamp.
 */
export type Identity = 'seq' | 'digest';

/** Milliseconds between two events of one device. */
const eventSpacingMs = 900_000;

/**
 * Time of a device's first event: 30 days ago, on a whole quarter of an hour, which leaves room for 2,880 events of
 * a device before its clock would be ahead of the server's.
 */
export function firstEventTime(now: number): number {
  return Math.floor((now - 30 * 86_400_000) / eventSpacingMs) * eventSpacingMs;
}

/** Time of event `seq` of a device: spread over the quarter of an hour so that devices differ. */
export function eventTime(first: number, device: number, seq: number): number {
  return first + seq * eventSpacingMs + ((device * 7919) % eventSpacingMs);
}

/**
 * Errors of an event: one sync in ten fails, and one device in fifty fails eight times in a row out of twenty.
 * A function of the event, so that a resend is the same body.
 */
export function eventErrors(device: number, seq: number): number {
  const fails = (device * 31 + seq * 17) % 10 === 0 || (device % 50 === 7 && seq % 20 >= 12);
  return fails ? 1 + ((device + seq) % 9) : 0;
}

/** Files of an event, 100 to 999. */
export function eventFiles(device: number, seq: number): number {
  return 100 + ((device * 13 + seq * 7) % 900);
}

/** The text of one event with fixed places for what differs, so that making an event is writing some digits. */
export interface EventTemplate {
  readonly bytes: Buffer;
  /** Writes one event into `target` at `at`; every event has the same length. */
  write(target: Buffer, at: number, device: number, seq: number): void;
}

/**
 * @param options.epoch - the device's outbox; for `digest` it is not written
 * @param options.first - see {@link firstEventTime}
 */
export function eventTemplate(options: {
  readonly identity: Identity;
  readonly epoch: string;
  readonly first: number;
}): EventTemplate {
  const counted = options.identity === 'seq';
  const text =
    '{"device_id":"pi-dddddd",' +
    (counted ? `"epoch":"${options.epoch}","seq":ssssss,` : '') +
    '"timestamp":"0000-00-00T00:00:00.000Z","total_files_synced":fff,"total_errors":e,"internet_speed":23.5}';
  const bytes = Buffer.from(text, 'latin1');
  const deviceAt = text.indexOf('dddddd');
  const seqAt = text.indexOf('ssssss');
  const timeAt = text.indexOf('0000-00-00T');
  const filesAt = text.indexOf('fff');
  const errorsAt = text.indexOf(':e,') + 1;
  return {
    bytes,
    write(target, at, device, seq) {
      target.set(bytes, at);
      writeZeroPadded(target, at + deviceAt, device, 6);
      if (counted) writeSpacePadded(target, at + seqAt, seq, 6);
      writeInstant(target, at + timeAt, eventTime(options.first, device, seq));
      writeZeroPadded(target, at + filesAt, eventFiles(device, seq), 3);
      target[at + errorsAt] = 48 + eventErrors(device, seq);
    },
  };
}

/** Id of device number `device` as every generator here spells it. */
export function deviceId(device: number): string {
  return `pi-${String(device).padStart(6, '0')}`;
}
