import { describeValue, ItemFault } from '../event/item-fault.ts';
import { fieldNameIn, slotCount } from './detection-fields.ts';

/** Stands in the slot of a number that lies in `numbers`. */
const inNumbers = Symbol('a number');

/** The values of one item by field, with what the decoder has to say about them. One instance serves for many items. */
export class DetectionValues {
  /** Tells how the sender spelled the fields; empty where they have their names of the documents. */
  item: Record<string, unknown> = {};
  readonly slots: unknown[] = new Array(slotCount).fill(undefined);
  /** Numbers that a program set, as they are: in a slot, each would be an object. */
  readonly #numbers = new Float64Array(slotCount);
  /** Values that were sent and could not be used; undefined where there are none. */
  dropped: Record<string, unknown> | undefined;

  /** Forgets the item before. */
  reset(item: Record<string, unknown>): void {
    const { slots } = this;
    this.item = item;
    this.dropped = undefined;
    for (let slot = 0; slot < slotCount; slot += 1) slots[slot] = undefined;
  }

  /** Sets a field that holds a number. */
  setNumber(slot: number, value: number): void {
    this.slots[slot] = inNumbers;
    this.#numbers[slot] = value;
  }

  /** The value of a field, null where it is absent. */
  get(slot: number): unknown {
    const value = this.slots[slot] ?? null;
    return value === inNumbers ? this.#numbers[slot] : value;
  }

  /** A fault whose detail continues the sentence that the field's name begins. */
  fault(code: ItemFault['code'], slot: number, detail: string): ItemFault {
    const name = fieldNameIn(this.item, slot);
    return new ItemFault(code, name, `${name} ${detail}`);
  }

  /** Any number, also one that overflowed when it was parsed. @throws {ItemFault} for other types */
  number(slot: number, unit: string): number | null {
    const value = this.slots[slot];
    if (value === inNumbers) return (this.#numbers[slot] as number) + 0;
    if (typeof value === 'number') return value + 0;
    if (value === undefined || value === null) return null;
    if (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))) {
      throw this.fault('invalid_type', slot, `is ${describeValue(value)}; send the number without quotes`);
    }
    throw this.fault('invalid_type', slot, `must be a number of ${unit}, not ${describeValue(value)}`);
  }

  /** Text, null where it is absent or empty. @throws {ItemFault} where it is too long or no well-formed Unicode */
  text(slot: number, maxLength: number): string | null {
    const value = this.slots[slot];
    if (value === undefined || value === null || value === '') return null;
    if (typeof value !== 'string')
      throw this.fault('invalid_type', slot, `must be text, not ${describeValue(value)}`);
    if (value.length > maxLength) {
      throw this.fault(
        'invalid_text',
        slot,
        `has ${value.length} characters; send at most ${maxLength} of them`,
      );
    }
    if (!value.isWellFormed())
      throw this.fault('invalid_text', slot, 'holds half of a surrogate pair; send whole characters');
    return value;
  }

  /** Keeps a value that cannot be used, so that it is seen in `metadata`. */
  drop(name: string, value: unknown): void {
    this.dropped ??= Object.create(null) as Record<string, unknown>;
    this.dropped[name] = value;
  }
}

/** A number as metadata can hold it: JSON has no word for those that are not finite. */
export function asJson(value: number | null): number | string | null {
  return value === null || Number.isFinite(value) ? value : String(value);
}
