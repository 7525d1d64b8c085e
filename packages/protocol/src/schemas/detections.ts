import { maxCapabilitiesLength } from '../detection/detection.ts';
import {
  channelSchema,
  frequencySchema,
  identitySchema,
  latSchema,
  listMembers,
  lonSchema,
  nameSchema,
  securitySchema,
  signalSchema,
  typeSchema,
  vendorSchema,
} from './detection-scalars.ts';
import { array, boolean, integer, number, object, string } from './json-schema.ts';
import { storedMetadataSchema } from './requests.ts';
import {
  clockQualitySchema,
  closed,
  count,
  deviceIdSchema,
  epochSchema,
  eventIdSchema,
  nullable,
  seqSchema,
  time,
} from './scalars.ts';

const positionParts = {
  altitude: number({ description: 'Metres above sea level.' }),
  accuracy: number({ minimum: 0, description: 'Radius of uncertainty in metres.' }),
  heading: number({ minimum: 0, exclusiveMaximum: 360, description: 'Degrees from north.' }),
  speed: number({ minimum: 0, description: 'Metres per second.' }),
};

const positionSchema = nullable(
  object(
    {
      lat: latSchema,
      lon: lonSchema,
      altitude: nullable(positionParts.altitude),
      accuracy: nullable(positionParts.accuracy),
      heading: nullable(positionParts.heading),
      speed: nullable(positionParts.speed),
    },
    { ...closed, description: 'Where the receiver stood.' },
  ),
);

const exampleDetection = {
  device_id: 'piwardrive-0001',
  timestamp: '2026-11-20T08:30:00.000Z',
  type: 'wifi',
  identity: '00:1A:2B:3C:4D:5E',
  vendor: 'Ayecom Technology Co., Ltd.',
  name: 'Cafe Central',
  security: 'wpa2',
  channel: 6,
  frequency_mhz: 2437,
  signal_dbm: -61,
  position: {
    lat: 48.210033,
    lon: 16.363449,
    altitude: 171.5,
    accuracy: 4,
    heading: null,
    speed: null,
  },
  capabilities: '[WPA2-PSK-CCMP][ESS]',
  metadata: null,
  device_time: '2026-11-20T08:30:00.000Z',
  received_at: '2026-11-20T08:30:01.250Z',
  clock_quality: 'ok',
  epoch: null,
  seq: null,
  event_id: null,
};

/** One detection as lists show it: the names are those that are accepted when it is sent. */
const detectionItem = object(
  {
    device_id: deviceIdSchema,
    timestamp: time('Corrected time.'),
    type: typeSchema,
    identity: identitySchema,
    vendor: vendorSchema,
    name: nameSchema,
    security: securitySchema,
    channel: nullable(channelSchema),
    frequency_mhz: nullable(frequencySchema),
    signal_dbm: nullable(signalSchema),
    position: positionSchema,
    capabilities: nullable(
      string({
        maxLength: maxCapabilitiesLength,
        description: 'The text that security was read from. Anyone may choose it.',
      }),
    ),
    metadata: storedMetadataSchema,
    device_time: nullable(time('What the clock of the device said.')),
    received_at: time('When the server received it.'),
    clock_quality: clockQualitySchema,
    epoch: nullable(epochSchema),
    seq: nullable(seqSchema),
    event_id: nullable(eventIdSchema),
  },
  { ...closed, title: 'StoredDetection' },
);

/** Reply to `GET /api/detections`. */
export const detectionPage = object(
  { items: array(detectionItem, { description: 'Newest first.' }), ...listMembers },
  {
    ...closed,
    title: 'DetectionPage',
    examples: [{ items: [exampleDetection], next_cursor: null, limit: 100 }],
  },
);

const mapMembers = {
  zoom: integer({ minimum: 0, maximum: 24, description: 'Zoom of the map, without its fraction.' }),
  complete: boolean({
    description: 'False where there was more than fits; what holds the fewest is left out.',
  }),
};

const strongestSignal = nullable(
  number({ minimum: -200, maximum: 0, description: 'dBm; null where no signal is known.' }),
);

/** Reply to `GET /api/detections/grid` and `GET /api/networks/grid`. */
export const heatGrid = object(
  {
    ...mapMembers,
    cell_zoom: integer({
      minimum: 0,
      maximum: 24,
      description: 'Cells are Web Mercator tiles of this zoom.',
    }),
    cells: array(
      object(
        {
          x: integer({ minimum: 0, description: 'Number of the tile, from west.' }),
          y: integer({ minimum: 0, description: 'Number of the tile, from north.' }),
          count: count('What lies in the cell.'),
          strongest_signal_dbm: strongestSignal,
          lat: number({ minimum: -90, maximum: 90, description: 'Mean position of what lies in the cell.' }),
          lon: lonSchema,
        },
        closed,
      ),
      { description: 'Only cells that hold something, by y, then x.' },
    ),
  },
  {
    ...closed,
    title: 'HeatGrid',
    examples: [
      {
        zoom: 14,
        complete: true,
        cell_zoom: 18,
        cells: [
          { x: 142_987, y: 90_893, count: 2, strongest_signal_dbm: -61, lat: 48.210037, lon: 16.363476 },
        ],
      },
    ],
  },
);

/** Reply to `GET /api/detections/clusters`. */
export const clusterMap = object(
  {
    ...mapMembers,
    clusters: array(
      object(
        {
          count: count('Detections of the cluster.'),
          lat: number({ minimum: -90, maximum: 90, description: 'Their mean position.' }),
          lon: lonSchema,
          splits_at_zoom: nullable(
            integer({
              minimum: 1,
              description:
                'The first zoom at which it shows as several; null where it is too small on the screen to tell.',
            }),
          ),
        },
        closed,
      ),
      { description: 'Most detections first.' },
    ),
  },
  {
    ...closed,
    title: 'ClusterMap',
    examples: [
      {
        zoom: 14,
        complete: true,
        clusters: [{ count: 2, lat: 48.210037, lon: 16.363476, splits_at_zoom: null }],
      },
    ],
  },
);
