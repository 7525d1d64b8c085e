import type { MessagePort, Transferable, Worker } from 'node:worker_threads';
import { type ErrorCode, PisyncError } from '@pisync/protocol';
import { isDamage } from '../format/connection.ts';

/** An error as it crosses between threads. */
export interface ErrorMessage {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryAfterMs?: number | undefined;
}

/** A question to a thread; its answer carries the same `id`. */
export interface CallMessage {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

export type AnswerMessage =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorMessage };

/** Turns any error into one that can cross; what is no {@link PisyncError} is a defect and stays visible as such. */
export function toErrorMessage(error: unknown): ErrorMessage {
  if (error instanceof PisyncError)
    return { code: error.code, detail: error.message, retryAfterMs: error.retryAfterMs };
  if (isDamage(error)) return { code: 'store_damaged', detail: String(error) };
  return {
    code: 'internal',
    detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

export function fromErrorMessage({ code, detail, retryAfterMs }: ErrorMessage): PisyncError {
  return new PisyncError(code, { detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

/** Asks a worker thread and waits for its answers. */
export class ThreadCaller {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: unknown) => void }
  >();
  #lastId = 0;
  #gone: PisyncError | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (message: AnswerMessage) => this.#settle(message));
    worker.on('error', (cause) =>
      this.#fail(new PisyncError('internal', { detail: `a store thread died: ${String(cause)}`, cause })),
    );
    worker.on('exit', () => this.#fail(new PisyncError('store_closed')));
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** @throws {PisyncError} what the thread threw */
  call<T>(method: string, argument: unknown, transfer: readonly Transferable[] = []): Promise<T> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    const id = ++this.#lastId;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: never) => void, reject });
      this.#worker.postMessage({ id, method, argument } satisfies CallMessage, transfer);
    });
  }

  #settle(message: AnswerMessage): void {
    const waiter = this.#waiting.get(message.id);
    if (waiter === undefined) return;
    this.#waiting.delete(message.id);
    if ('error' in message) waiter.reject(fromErrorMessage(message.error));
    else waiter.resolve(message.value as never);
  }

  #fail(error: PisyncError): void {
    this.#gone ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#gone);
    this.#waiting.clear();
  }
}

/** An answer of which some memory changes threads instead of being copied: here it is empty afterwards. */
export class Handover {
  readonly value: unknown;
  readonly memory: readonly ArrayBuffer[];

  constructor(value: unknown, memory: readonly ArrayBuffer[]) {
    this.value = value;
    this.memory = memory;
  }
}

/** Answers the calls that arrive at a port, each by the function of its name. */
export function answerCalls(
  port: MessagePort,
  methods: Readonly<Record<string, (argument: never) => unknown>>,
): void {
  const fail = (id: number, error: unknown): void =>
    port.postMessage({ id, error: toErrorMessage(error) } satisfies AnswerMessage);
  port.on('message', ({ id, method, argument }: CallMessage) => {
    try {
      const value = (methods[method] as (argument: never) => unknown)(argument as never);
      if (value instanceof Promise) {
        value.then(
          (settled) => port.postMessage({ id, value: settled } satisfies AnswerMessage),
          (error) => fail(id, error),
        );
      } else if (value instanceof Handover) {
        port.postMessage({ id, value: value.value } satisfies AnswerMessage, value.memory);
      } else {
        port.postMessage({ id, value } satisfies AnswerMessage);
      }
    } catch (error) {
      fail(id, error);
    }
  });
}
