import type { Random } from './random.ts';

/** What is wrong with a device's clock; `none` for a clock that is right. */
export type ClockFault = 'none' | 'since_1970' | 'weeks_back' | 'year_ahead' | 'backwards';

const faults: readonly ClockFault[] = ['since_1970', 'weeks_back', 'year_ahead', 'backwards'];
const day = 86_400_000;

/** A clock of one simulated device. */
export interface DeviceClock {
  readonly fault: ClockFault;
  /** What the clock shows minus the true time, milliseconds, while the device's event `seq` happens. */
  offset(seq: number): number;
}

/**
 * Gives a device its clock.
 *
 * @param share - probability of a fault
 * @param bootMs - true time at which a clock without battery began again at 1970
 */
export function deviceClock(random: Random, share: number, bootMs: number): DeviceClock {
  if (!random.chance(share)) return { fault: 'none', offset: () => 0 };
  const fault = faults[random.integer(0, faults.length - 1)] ?? 'backwards';
  switch (fault) {
    case 'since_1970': {
      const upFor = random.integer(0, day);
      return { fault, offset: () => upFor - bootMs };
    }
    case 'weeks_back': {
      const behind = -random.integer(14, 60) * day;
      return { fault, offset: () => behind };
    }
    case 'year_ahead': {
      const ahead = random.integer(360, 370) * day;
      return { fault, offset: () => ahead };
    }
    default: {
      // A power cut brings back the time of the last shutdown until the network corrects it.
      const period = random.integer(3, 9);
      const back = -random.integer(1, 5) * day;
      return { fault: 'backwards', offset: (seq) => (seq % (2 * period) < period ? 0 : back) };
    }
  }
}
