import type { ClockQuality } from '../observation.ts';

/** What kind of radio was heard. */
export type DetectionType = 'wifi' | 'bluetooth' | 'ble' | 'cellular';

/** All types, in the order in which they are documented. */
export const detectionTypes: readonly DetectionType[] = ['wifi', 'bluetooth', 'ble', 'cellular'];

/** Longest name (SSID, Bluetooth name, operator), in UTF-16 code units. */
export const maxNameLength = 512;

/** Longest raw `capabilities`, in UTF-16 code units. */
export const maxCapabilitiesLength = 2048;

/** Where the receiver stood. */
export interface Position {
  /** Degrees, -90 to 90, north positive. Never 0 together with `lon` 0: receivers without a fix send that. */
  readonly lat: number;
  /** Degrees, -180 to 180, east positive. */
  readonly lon: number;
  /** Metres above sea level. */
  readonly altitude: number | null;
  /** Radius of uncertainty in metres, 0 or more. */
  readonly accuracy: number | null;
  /** Direction of travel in degrees from north, 0 or more and under 360. */
  readonly heading: number | null;
  /** Metres per second, 0 or more. */
  readonly speed: number | null;
}

/**
 * A decoded detection: one device heard one radio once, normalised from the spellings of the wire. Absent values are
 * `null`, so that every detection has the same shape.
 */
export interface Detection {
  readonly kind: 'detection';
  /** The device that listened: 1 to 128 characters of letters, digits and `. _ : @ -`, the first a letter or digit. */
  readonly deviceId: string;
  /** Random id of the device's outbox; present exactly when `seq` is. */
  readonly epoch: string | null;
  /** Gapless counter within `epoch`, 0 to 2^53 - 1. */
  readonly seq: number | null;
  /** Id chosen by the sender, used where there is no `seq`. */
  readonly eventId: string | null;
  /** What the device's clock said, uncorrected, in epoch milliseconds; may be any date of years 0 to 9999. */
  readonly deviceTime: number | null;
  /** The device's clock when this attempt was sent, epoch milliseconds. Not part of the identity. */
  readonly sentAt: number | null;
  readonly type: DetectionType;
  /**
   * What was heard. A MAC address as `00:1A:2B:3C:4D:5E`, upper case; for `cellular` the cell as `MCC-MNC-AREA-CELL`, plain
   * decimal numbers without leading zeros (see {@link parseCellIdentity}).
   */
  readonly identity: string;
  /** SSID, Bluetooth name or operator; null where it is hidden or unknown, never empty. Hostile text. */
  readonly name: string | null;
  /** Names of `securityNames`, in their order, joined by commas: `wpa2,wpa3`; null where it is not known. */
  readonly security: string | null;
  /** Wi-Fi channel, or the ARFCN of a cell. */
  readonly channel: number | null;
  readonly frequencyMhz: number | null;
  /** Received power, -200 to 0 dBm. */
  readonly signalDbm: number | null;
  readonly position: Position | null;
  /** The text that `security` was read from, as the scanner wrote it. Hostile text. */
  readonly capabilities: string | null;
  /** Canonical JSON text of an object (keys sorted, no white space), unknown wire fields included. */
  readonly metadata: string | null;
}

/** A detection as the server received it, with its corrected time. What a store commits. */
export interface ObservedDetection extends Detection {
  /** Server clock at receipt, epoch milliseconds. */
  readonly receivedAt: number;
  /** Corrected time, epoch milliseconds: never later than `receivedAt`, never older than the maximal backlog. */
  readonly timestamp: number;
  readonly clockQuality: ClockQuality;
}
