import { styleText } from 'node:util';

/** Meanings, not colours, so that all commands paint alike. */
const styles = {
  good: 'green',
  warning: 'yellow',
  bad: 'red',
  title: 'bold',
  quiet: 'dim',
  command: 'cyan',
} as const;

export type Style = keyof typeof styles;

/** A stream as {@link Terminal} needs it; `process.stdout` is one. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface TerminalOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Machine-readable output was asked for. */
  readonly json: boolean;
  /** False for `--no-color`. */
  readonly color: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The one place that prints. Results go to stdout; progress, hints and errors to stderr, so that a pipe gets
 * results only. Colour and moving lines appear on a terminal alone, never with NO_COLOR, `--no-color` or
 * `TERM=dumb`.
 */
export class Terminal {
  readonly json: boolean;
  readonly #options: TerminalOptions;
  #statusShown = false;

  constructor(options: TerminalOptions) {
    this.json = options.json;
    this.#options = options;
  }

  /** True where a person watches stderr, so that one line may be repainted. */
  get live(): boolean {
    return this.#options.stderr.isTTY === true && this.#options.environment['TERM'] !== 'dumb' && !this.json;
  }

  /** Writes one line of the result. */
  line(text = ''): void {
    this.clearStatus();
    this.#options.stdout.write(`${text}\n`);
  }

  /** Writes the whole result as one JSON document. */
  result(value: unknown): void {
    this.clearStatus();
    this.#options.stdout.write(`${JSON.stringify(value, null, this.#options.stdout.isTTY ? 2 : 0)}\n`);
  }

  /** Writes a line for people beside the result. */
  note(text = ''): void {
    this.clearStatus();
    this.#options.stderr.write(`${text}\n`);
  }

  /** Repaints the status line where `live`; otherwise the caller decides how often a plain line is worth it. */
  status(text: string): void {
    if (!this.live) return;
    const width = Math.max(20, (this.#options.stderr.columns ?? 80) - 1);
    this.#options.stderr.write(`\r\u001b[2K${text.slice(0, width)}`);
    this.#statusShown = true;
  }

  /** Removes the status line, if one is shown. */
  clearStatus(): void {
    if (!this.#statusShown) return;
    this.#options.stderr.write('\r\u001b[2K');
    this.#statusShown = false;
  }

  /** Paints text for stdout, or leaves it plain. Pass only text that is printable already. */
  paint(style: Style, text: string): string {
    return this.#colours(this.#options.stdout)
      ? styleText(styles[style], text, { validateStream: false })
      : text;
  }

  /** Paints text for stderr. */
  paintNote(style: Style, text: string): string {
    return this.#colours(this.#options.stderr)
      ? styleText(styles[style], text, { validateStream: false })
      : text;
  }

  #colours(stream: Output): boolean {
    const { color, json, environment } = this.#options;
    if (json || !color || environment['NO_COLOR'] || environment['TERM'] === 'dumb') return false;
    return stream.isTTY === true;
  }
}
