import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** What every command is given. */
export interface CliContext {
  readonly terminal: Terminal;
  /** Address of the server that client commands talk to, without a slash at its end. */
  readonly url: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A command's work; the parsed options and arguments are in `command`. */
export type CommandRun = (context: CliContext, command: Command) => Promise<ExitCode>;

/** Turns a command's work into a commander action that records its exit code. */
export type Runner = (run: CommandRun) => (...parameters: unknown[]) => Promise<void>;

/** Formats the examples that stand at the end of each command's help. */
export function examples(lines: readonly (readonly [command: string, what: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  return `\nExamples:\n${lines.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`).join('\n')}\n`;
}
