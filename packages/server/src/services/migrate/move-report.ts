import type { StoreHeads } from '../../ports/store-copy.ts';

/** The steps of a move, in their order. */
export const moveSteps = ['look', 'copy', 'index', 'catch_up', 'cut_over', 'compare', 'finish'] as const;

export type MoveStep = (typeof moveSteps)[number];

/** How a step stands. */
export interface MoveProgress {
  readonly step: MoveStep;
  /** What is counted. */
  readonly of: 'events' | 'detections' | 'series';
  /** What is there, and what there will be, as far as is known; both 0 where nobody can tell. */
  readonly done: number;
  readonly total: number;
}

/** What is counted and compared. */
export const movedKinds = [
  'events',
  'devices',
  'hours',
  'quarantined',
  'series',
  'points',
  'detections',
] as const;

export type MovedKind = (typeof movedKinds)[number];

export interface KindReport {
  readonly kind: MovedKind;
  readonly source: number;
  readonly target: number;
  /** Digest over all that the source holds of it: the same for the same, in whatever order it comes. */
  readonly digest: string;
  readonly same: boolean;
}

/** Something that the two stores do not hold alike. */
export interface MoveDifference {
  readonly kind: MovedKind;
  /** Such as a device and a day. */
  readonly what: string;
  /** What the source has, and the target; null for nothing. */
  readonly source: string | null;
  readonly target: string | null;
}

export interface MoveReport {
  readonly from: string;
  readonly to: string;
  /** False where the source goes on, or where something differs: then the target is no store yet. */
  readonly finished: boolean;
  /** True where the source took commits behind the cut-over, which are not in the target. */
  readonly sourceWentOn: boolean;
  /** How far the source had come. */
  readonly heads: StoreHeads;
  /** Events that were in the target when this run began. */
  readonly found: number;
  /** Events that this run copied. */
  readonly copied: number;
  /** Empty where nothing was compared yet. */
  readonly kinds: readonly KindReport[];
  /** The first of them, see {@link MAX_DIFFERENCES}. */
  readonly differences: readonly MoveDifference[];
  /** How long each step took, milliseconds. */
  readonly durations: Readonly<Partial<Record<MoveStep, number>>>;
}

/** Differences that are told. */
export const MAX_DIFFERENCES = 100;

/** True where all that was compared is the same. */
export function isSame({ kinds }: Pick<MoveReport, 'kinds'>): boolean {
  return kinds.every(({ same }) => same);
}
