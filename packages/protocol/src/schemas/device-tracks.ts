import { listMembers, placeSchema } from './detection-scalars.ts';
import { array, integer, number, object, oneOf } from './json-schema.ts';
import { closed, count, deviceIdSchema, nullable, time } from './scalars.ts';

/** Reply to `GET /api/scan-sessions`. */
export const scanSessionPage = object(
  {
    device_id: deviceIdSchema,
    gap_minutes: integer({ minimum: 1, description: 'A pause that is longer ends a session.' }),
    items: array(
      object(
        {
          start: time('Its first detection, by corrected time.'),
          end: time('Its last detection.'),
          duration_ms: count('Milliseconds from the first to the last.'),
          detections: count('What was heard in it.'),
          distance_m: number({ minimum: 0, description: 'Metres that the device travelled.' }),
        },
        { ...closed, title: 'ScanSession' },
      ),
      { description: 'Newest first.' },
    ),
    ...listMembers,
  },
  {
    ...closed,
    title: 'ScanSessionPage',
    examples: [
      {
        device_id: 'piwardrive-0001',
        gap_minutes: 15,
        items: [
          {
            start: '2026-11-20T08:30:00.000Z',
            end: '2026-11-20T09:12:40.000Z',
            duration_ms: 2_560_000,
            detections: 4381,
            distance_m: 11_840.2,
          },
        ],
        next_cursor: null,
        limit: 100,
      },
    ],
  },
);

/** Reply to `GET /api/geofence-crossings`. */
export const crossingList = object(
  {
    device_id: deviceIdSchema,
    positions: count('Positions of the device in this time, those of one moment counted once.'),
    items: array(
      object(
        {
          kind: oneOf(['enter', 'leave']),
          timestamp: time('The first position that was surely on the new side.'),
          since: nullable(
            time(
              'The last position before it that was surely on the other side; null where the track begins inside.',
            ),
          ),
          position: placeSchema,
        },
        { ...closed, title: 'GeofenceCrossing' },
      ),
      { description: 'Oldest first.' },
    ),
  },
  {
    ...closed,
    title: 'GeofenceCrossings',
    examples: [
      {
        device_id: 'piwardrive-0001',
        positions: 2217,
        items: [
          {
            kind: 'enter',
            timestamp: '2026-11-20T08:41:07.000Z',
            since: '2026-11-20T08:41:05.000Z',
            position: { lat: 48.21241, lon: 16.36012 },
          },
        ],
      },
    ],
  },
);
