import { mayBeContacts } from '../../../../core/contact.ts';
import type { PartialRule } from '../../../../core/fold.ts';
import { foldInOrder, notOfEvents } from '../../../../core/fold.ts';
import { F, SYNC_STATE_LENGTH } from '../../../../core/sync-state.ts';
import { HourlyTotals } from '../../../../core/totals.ts';
import type { Finding, HourTotals } from '../../../../ports/store.ts';
import { type Claim, eventClaim } from '../commit/identities.ts';
import { textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { failureCountFault } from '../failures/failure-counts.ts';
import { type StoredDevice, storedDevices } from './stored-devices.ts';

/** Faults that are told one by one; the others are counted. */
const TOLD = 20;

/** Claims that are looked up in one go. */
const CLAIMS_AT_ONCE = 5_000;

/**
 * Reads every event and derives everything from it again: positions without gaps, identities that would recognise each of
 * them, the state of each device, and the totals of the hours.
 */
export async function verifyEvents(session: Session, partial: PartialRule): Promise<readonly Finding[]> {
  const [kept] = await session.query<{ dropped: number }>(
    'SELECT position - (SELECT count(*) FROM sync_event) AS dropped FROM store WHERE id = 1',
  );
  // What a policy has dropped is still part of the derived state, which can then not be compared.
  const dropped = (await isDeclared(session, 'events_retention')) ? (kept?.dropped ?? 0) : 0;
  const check = new EventsCheck(session, partial, dropped);
  for await (const device of storedDevices(session)) await check.device(device);
  return check.findings();
}

/** True where an operator has declared a policy, be it switched off again since. */
export async function isDeclared(session: Session, policy: string): Promise<boolean> {
  return (await session.query('SELECT FROM policy WHERE name = $1', [policy])).length > 0;
}

class EventsCheck {
  readonly #session: Session;
  readonly #partial: PartialRule;
  readonly #dropped: number;
  readonly #hours = new HourlyTotals();
  readonly #row = new Float64Array(SYNC_STATE_LENGTH);
  readonly #faults: string[] = [];
  #faultCount = 0;
  #devices = 0;
  #events = 0;
  #claims: Claim[] = [];

  /** @param dropped - events that a policy has dropped */
  constructor(session: Session, partial: PartialRule, dropped: number) {
    this.#session = session;
    this.#partial = partial;
    this.#dropped = dropped;
  }

  #fault(detail: string): void {
    this.#faultCount += 1;
    if (this.#faults.length < TOLD) this.#faults.push(detail);
  }

  async device({ deviceId, epochs, state, events }: StoredDevice): Promise<void> {
    this.#devices += 1;
    this.#events += events.length;
    const keys = new Set<string>();
    for (const event of events) {
      this.#hours.add(event);
      if (event.epoch !== (event.epochIndex === 0 ? null : epochs[event.epochIndex - 1])) {
        this.#fault(
          `${deviceId}: position ${event.position} is of epoch ${event.epoch}, which has another place`,
        );
      }
      const claim = eventClaim(event);
      if (claim === null) continue;
      if (keys.has(claim.key)) this.#fault(`${deviceId}: position ${event.position} is there twice`);
      keys.add(claim.key);
      this.#claims.push(claim);
    }
    if (this.#dropped === 0) this.#compare(deviceId, state, events);
    if (this.#claims.length >= CLAIMS_AT_ONCE) await this.#findClaims();
  }

  #compare(deviceId: string, state: Float64Array, events: StoredDevice['events']): void {
    foldInOrder(this.#row, 0, events, this.#partial);
    if (!mayBeContacts(state, 0, this.#row)) this.#fault(`${deviceId}: was not seen then`);
    for (const [name, field] of Object.entries(F)) {
      if (notOfEvents.includes(field) || Object.is(state[field], this.#row[field])) continue;
      this.#fault(`${deviceId}: ${name} is ${state[field]}, its events give ${this.#row[field]}`);
    }
  }

  async #findClaims(): Promise<void> {
    const claims = this.#claims;
    this.#claims = [];
    const [found] = await this.#session.query<{ missing: number }>(
      `SELECT count(*) FILTER (WHERE identity.body IS DISTINCT FROM claim.body) AS missing
       FROM unnest($1::uuid[], $2::uuid[]) AS claim (key, body) LEFT JOIN identity USING (key)`,
      [textArray(claims.map(({ key }) => key)), textArray(claims.map(({ body }) => body))],
    );
    const missing = found?.missing ?? 0;
    if (missing > 0) this.#fault(`${missing} events would be taken as new if they came again`);
  }

  async findings(): Promise<readonly Finding[]> {
    await this.#findClaims();
    await this.#checkPositions();
    const miscounted = await failureCountFault(this.#session);
    if (miscounted !== undefined) this.#fault(miscounted);
    if (this.#dropped === 0) await this.#checkHours();
    if (this.#faultCount === 0 && this.#dropped > 0) {
      const detail = `${this.#events} events are there once. ${this.#dropped} older ones were dropped (events_retention): what follows from all of them is not compared.`;
      return [{ severity: 'warning', check: 'contents', detail }];
    }
    if (this.#faultCount === 0) {
      const detail = `${this.#events} events are there once; ${this.#devices} devices follow from their events.`;
      return [{ severity: 'ok', check: 'contents', detail }];
    }
    const told = this.#faults.map((detail): Finding => ({ severity: 'error', check: 'contents', detail }));
    const more = this.#faultCount - this.#faults.length;
    const rest: Finding = { severity: 'error', check: 'contents', detail: `and ${more} more faults` };
    return more === 0 ? told : [...told, rest];
  }

  async #checkPositions(): Promise<void> {
    const [found] = await this.#session.query<{
      position: number;
      last: number;
      events: number;
      different: number;
    }>(
      `SELECT store.position, coalesce(max(sync_event.position), 0) AS last, count(sync_event.position) AS events,
         count(DISTINCT sync_event.position) AS different
       FROM store LEFT JOIN sync_event ON true GROUP BY store.position`,
    );
    if (found === undefined) return;
    const { position, last, events, different } = found;
    if (events !== different) this.#fault(`${events - different} positions are there twice`);
    if (last > position) this.#fault(`position ${last} lies behind the store's newest, ${position}`);
    if (different + this.#dropped !== position)
      this.#fault(`${position - different} of ${position} positions are missing`);
  }

  async #checkHours(): Promise<void> {
    const kept = await this.#session.query<Omit<HourTotals, 'success'>>(
      'SELECT hour, syncs, partial, failed, files, errors, bytes FROM sync_hour ORDER BY hour',
    );
    const expected = this.#hours.between(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    const shown = expected.map(({ success: _success, ...hour }) =>
      JSON.stringify(Object.entries(hour).sort()),
    );
    const found = kept.map((hour) => JSON.stringify(Object.entries(hour).sort()));
    if (shown.join() !== found.join()) this.#fault('the totals of the hours do not follow from the events');
  }
}
