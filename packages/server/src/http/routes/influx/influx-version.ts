/**
 * The version of InfluxDB that PiSync tells clients, which choose by it what they send: 1.8 is the one that takes lines by both
 * `/write` and `/api/v2/write`, and has `/health`.
 */
export const influxVersion = '1.8.10';

/** The header in which clients look for it. */
export const versionHeader = 'x-influxdb-version';
