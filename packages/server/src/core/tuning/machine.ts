/** Kinds of disk that need different settings: turning, flash behind SATA or a network, flash behind PCIe. */
export const diskKinds = ['hdd', 'ssd', 'nvme'] as const;

/** One of {@link diskKinds}. */
export type DiskKind = (typeof diskKinds)[number];

/** What PostgreSQL may have for itself of one machine. */
export interface Machine {
  /** Memory in units of 1024 × 1024 bytes, within {@link machineLimits}. */
  readonly ramMb: number;
  /** Cores as the operating system counts them. */
  readonly cores: number;
  readonly disk: DiskKind;
  /** `max_connections`; without it, as many as the cores can serve. */
  readonly connections?: number | undefined;
}

/** Machines that the rules were made for, ends included. Below 1 GB the defaults of PostgreSQL are better. */
export const machineLimits = {
  ramMb: { low: 1024, high: 16 * 1024 * 1024 },
  cores: { low: 1, high: 1024 },
  connections: { low: 10, high: 10_000 },
} as const;
