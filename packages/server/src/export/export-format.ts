import type { NetworkRecord, StoredDetection } from '../ports/detection-store.ts';

/** What an export is told beside the rows. */
export interface ExportContext {
  /** Name of the document in formats that have one. */
  readonly title: string;
  /** When the export was asked for, epoch milliseconds. */
  readonly createdAt: number;
  /** Version of PiSync. */
  readonly version: string;
  /** Who registered a MAC address; null where nobody did or where it is not known. */
  readonly vendorOf: (mac: string) => string | null;
}

/**
 * Writes one file as a stream of bytes. Takes the next batch only when the bytes of those before were taken, and holds no more than
 * one batch and a bounded part of the file, whatever the number of rows. Rows come in the order of the batches.
 */
export type ExportWriter<T> = (
  batches: AsyncIterable<readonly T[]>,
  context: ExportContext,
) => AsyncGenerator<Uint8Array>;

/** A format and what can be written in it. */
export interface ExportFormat {
  /** How it is asked for. */
  readonly name: string;
  readonly mediaType: string;
  /** Of the file's name, without the dot. */
  readonly extension: string;
  /** Absent where the format has no place for detections. */
  readonly detections?: ExportWriter<StoredDetection>;
  /** Absent where the format has no place for networks. */
  readonly networks?: ExportWriter<NetworkRecord>;
}
