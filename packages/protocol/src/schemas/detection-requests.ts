import { maxCapabilitiesLength, maxNameLength } from '../detection/detection.ts';
import { channelSchema, identityText, nameText, typeSchema } from './detection-scalars.ts';
import { anything, array, either, literal, number, object, string } from './json-schema.ts';
import {
  deviceIdSchema,
  epochSchema,
  eventIdSchema,
  optional,
  seqSchema,
  timestampInput,
} from './scalars.ts';

/** Members that a detection has wherever it is sent. */
export const detectionMembers = {
  timestamp: optional(
    timestampInput('When it was heard, by the clock of the device. The receipt if absent.'),
  ),
  type: typeSchema,
  identity: string({
    description: `${identityText} For type cellular, mcc, mnc, area and cell may stand in its place.`,
  }),
  name: optional(string({ maxLength: maxNameLength, description: nameText })),
  security: optional(
    string({ maxLength: maxCapabilitiesLength, description: 'As the scanner wrote it; PiSync reads it.' }),
  ),
  channel: optional(channelSchema),
  frequency_mhz: optional(number({ minimum: 0, maximum: 1_000_000, description: 'Megahertz; 0 is none.' })),
  signal_dbm: optional(number({ description: 'Received power; outside -200 to 0 it is dropped.' })),
  position: optional(
    object(
      {
        lat: optional(number({ description: 'Degrees, north positive.' })),
        lon: optional(number({ description: 'Degrees, east positive.' })),
        altitude: optional(number({ description: 'Metres above sea level.' })),
        accuracy: optional(number({ description: 'Radius of uncertainty in metres.' })),
        heading: optional(number({ description: 'Degrees from north.' })),
        speed: optional(number({ description: 'Metres per second.' })),
      },
      { description: 'Where the receiver stood; its members may also stand beside the others.' },
    ),
  ),
  capabilities: optional(
    string({ description: 'What the network told of itself, as the scanner wrote it.' }),
  ),
  metadata: optional(
    anything({ type: 'object', description: 'Anything else worth keeping; unknown members join it.' }),
  ),
  epoch: optional(epochSchema),
  seq: optional(seqSchema),
  event_id: optional(eventIdSchema),
  sent_at: optional(timestampInput('The clock of the device when this attempt was sent.')),
  kind: optional(literal('detection', { description: 'Absent means detection on this route.' })),
};

/** One detection. Every name may also be spelled in camelCase, and scanners' own names are taken; unknown members join `metadata`. */
const detectionInput = object(
  { device_id: deviceIdSchema, ...detectionMembers },
  { title: 'Detection', additionalProperties: true },
);

const exampleDetections = [
  {
    device_id: 'piwardrive-0001',
    timestamp: '2026-11-20T08:30:00Z',
    type: 'wifi',
    identity: '00:1A:2B:3C:4D:5E',
    name: 'Cafe Central',
    security: '[WPA2-PSK-CCMP][ESS]',
    channel: 6,
    frequency_mhz: 2437,
    signal_dbm: -61,
    position: { lat: 48.210033, lon: 16.363449, altitude: 171.5, accuracy: 4 },
  },
  {
    device_id: 'piwardrive-0001',
    timestamp: '2026-11-20T08:30:02Z',
    type: 'cellular',
    identity: '232-1-1101-28012',
    name: 'A1',
    signal_dbm: -87,
    position: { lat: 48.210041, lon: 16.363502, accuracy: 4 },
  },
];

/** Body of `POST /api/detections`: one detection, or an array of them. */
export const detectionBatch = either([detectionInput, array(detectionInput)], {
  title: 'DetectionBatch',
  examples: [exampleDetections, exampleDetections[0]],
});

/** The same as NDJSON. */
export const detectionLines = string({
  title: 'DetectionLines',
  description: 'NDJSON: one detection on each line.',
  examples: [`${exampleDetections.map((item) => JSON.stringify(item)).join('\n')}\n`],
});
