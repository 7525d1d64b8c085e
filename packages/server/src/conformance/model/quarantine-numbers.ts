import type { QuarantinedItem, QuarantinePage, Store } from '../../ports/store.ts';

/** More items than any test makes. */
const ALL = 100_000;

/**
 * Numbers the rejected items of one store as they appear, from 1. The ids themselves need only grow: a store may leave
 * some out, so that two stores agree in these numbers alone.
 */
export class QuarantineNumbers {
  readonly #ids: number[] = [];

  /** Takes note of items that are new since the last call. */
  async learn(store: Store): Promise<void> {
    const newest = this.#ids.at(-1) ?? Number.NEGATIVE_INFINITY;
    const { items } = await store.quarantine({ limit: ALL });
    const fresh = items.map((item) => item.id).filter((id) => id > newest);
    this.#ids.push(...fresh.sort((a, b) => a - b));
  }

  /** The id of a number; one that no item has where the number was not given yet. */
  idOf(number: number): number {
    return this.#ids[number - 1] ?? (this.#ids.at(-1) ?? 0) + 1 + number;
  }

  item(item: QuarantinedItem | undefined): QuarantinedItem | undefined {
    return item === undefined ? undefined : { ...item, id: this.#numberOf(item.id) };
  }

  page(page: QuarantinePage): QuarantinePage {
    return {
      ...page,
      items: page.items.map((item) => ({ ...item, id: this.#numberOf(item.id) })),
      next: page.next === null ? null : this.#numberOf(page.next),
    };
  }

  #numberOf(id: number): number {
    return this.#ids.indexOf(id) + 1;
  }
}
