import { type DestinationStream, type Logger, pino } from 'pino';

/**
 * Makes the JSON log: one line per event, time in RFC 3339, nothing that opens a door.
 *
 * @param destination - standard output if absent
 */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: [
        'authorization',
        'cookie',
        'token',
        '*.authorization',
        '*.cookie',
        '*.token',
        '*.headers.authorization',
        '*.headers.cookie',
        '*["set-cookie"]',
      ],
      censor: '[redacted]',
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
