import { nextSync, serverTime } from './ingest-replies.ts';
import {
  array,
  boolean,
  either,
  integer,
  literal,
  nothing,
  number,
  object,
  optionalMember,
  optionalMembers,
  string,
} from './json-schema.ts';
import { problemMembers } from './problem.ts';
import { closed, count, deviceIdSchema, nextCursorSchema, optional, timestampInput } from './scalars.ts';

const pointTime = string({
  format: 'date-time',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}(\\d{3})?Z$',
  description: 'RFC 3339 in UTC with milliseconds, or with microseconds where there are some.',
});

const point = object(
  {
    timestamp: pointTime,
    value: either([number(), boolean(), string()], { description: 'As it was sent.' }),
  },
  closed,
);

const seriesMembers = {
  device_id: deviceIdSchema,
  metric: string({ minLength: 1, maxLength: 200, description: 'What was measured.' }),
  tags: object({}, { description: 'Tags by name.', additionalProperties: { type: 'string' } }),
};

/** Reply to `GET /api/telemetry/series`. */
export const seriesPage = object(
  {
    items: array(object({ ...seriesMembers, latest: point }, closed)),
    next_cursor: nextCursorSchema,
    limit: integer({ minimum: 1 }),
  },
  { ...closed, title: 'SeriesPage' },
);

/** Reply to `/api/telemetry/latest`. */
export const latestPage = object(
  {
    items: array(object({ ...seriesMembers, ...point.properties }, closed), {
      description: 'A series and its newest point each, in the order of their first appearance.',
    }),
    next_cursor: nextCursorSchema,
    limit: integer({ minimum: 1 }),
  },
  { ...closed, title: 'LatestPage' },
);

/** Body of `POST /api/telemetry/latest`. */
export const latestRequest = object(
  {
    device_ids: optional(array(deviceIdSchema, { maxItems: 1000, description: 'Only these devices.' })),
    device_prefix: optional(
      string({ minLength: 1, maxLength: 128, description: 'What their ids begin with.' }),
    ),
    metrics: optional(
      array(string({ minLength: 1, maxLength: 200 }), { maxItems: 100, description: 'Only these metrics.' }),
    ),
    tags: optional(
      object({}, { description: 'Tags that the series have.', additionalProperties: { type: 'string' } }),
    ),
    limit: optional(
      integer({ minimum: 1, maximum: 10_000, description: 'Items of one page; 1000 where absent.' }),
    ),
    cursor: optional(string({ description: 'next_cursor of the previous reply, with the same conditions.' })),
  },
  {
    ...closed,
    title: 'LatestRequest',
    examples: [{ device_ids: ['pibook-0001', 'pibook-0002'], metrics: ['temperature'] }],
  },
);

/** Reply to `GET /api/telemetry/range`. */
export const pointPage = object(
  {
    ...seriesMembers,
    points: array(point, { description: 'Oldest first.' }),
    next_cursor: nextCursorSchema,
    limit: integer({ minimum: 1 }),
  },
  { ...closed, title: 'PointPage' },
);

const tagsInput = object(
  {},
  {
    description: 'Tags by name, at most 32: what else tells this series from others.',
    additionalProperties: { type: 'string', minLength: 1, maxLength: 200 },
  },
);
const metricInput = string({ minLength: 1, maxLength: 200, description: 'What was measured.' });
const valueInput = either([number(), boolean(), string({ maxLength: 4096 })], {
  description: 'A finite number, true or false, or text. Text is kept and not aggregated.',
});
const timeInput = timestampInput('When it was measured, to the microsecond; the time of receipt if absent.');
const kindInput = optional(literal('telemetry', { description: 'Absent means telemetry on this route.' }));

const pointInput = object({
  device_id: deviceIdSchema,
  metric: metricInput,
  value: valueInput,
  timestamp: optional(timeInput),
  tags: optional(tagsInput),
  kind: kindInput,
});

const columnsInput = object({
  device_id: deviceIdSchema,
  metrics: object(
    {},
    {
      description: 'Columns by metric.',
      additionalProperties: object({
        timestamps: array(timeInput),
        values: array(valueInput, { description: 'As many as timestamps.' }),
        tags: optional(tagsInput),
      }),
    },
  ),
  kind: kindInput,
});

const examplePoints = [
  { device_id: 'pibook-0001', metric: 'temperature', value: 23.5, tags: { site: 'a' } },
  { device_id: 'pibook-0001', metric: 'door_open', value: false, timestamp: '2026-11-20T08:30:00.000250Z' },
];
const exampleColumns = {
  device_id: 'pibook-0001',
  metrics: {
    humidity: { timestamps: ['2026-11-20T08:30:00Z', '2026-11-20T08:31:00Z'], values: [41, 42.5] },
  },
};

/** Body of `POST /api/telemetry`: one item, or an array of them. */
export const telemetryBatch = either([pointInput, columnsInput, array(either([pointInput, columnsInput]))], {
  title: 'TelemetryBatch',
  examples: [examplePoints, exampleColumns],
});

/** The same as NDJSON. */
export const telemetryLines = string({
  title: 'TelemetryLines',
  description: 'One item in each line.',
  examples: [`${examplePoints.map((item) => JSON.stringify(item)).join('\n')}\n`],
});

const rejectedItem = object(
  {
    index: integer({ minimum: 0, description: 'Place of the item in the request, from 0.' }),
    result: literal('rejected'),
    device_id: optionalMember(string()),
    code: string(),
    field: optionalMember(string({ description: 'The member that is wrong, as the sender spelled it.' })),
    detail: string({ description: 'What is wrong and how to mend it.' }),
  },
  closed,
);

const telemetryMembers = {
  points: count('Points that are on disk now; one that was there before changed nothing.'),
  stored: count('Items whose points are on disk now.'),
  rejected: count('Items that are wrong; they stay in the quarantine.'),
  results: array(rejectedItem, { description: 'One for each rejected item; all others are stored.' }),
  server_time: serverTime,
  next_sync_after_ms: nextSync,
};

/** Reply to `POST /api/telemetry`. */
export const telemetryReply = object(telemetryMembers, {
  ...closed,
  title: 'TelemetryReply',
  examples: [{ points: 2, stored: 2, rejected: 0, results: [], server_time: '2026-11-20T08:30:01.250Z' }],
});

/** A body that broke part-way: the problem, and what became of the items before the break. */
export const brokenTelemetryReply = object(
  { ...problemMembers, ...optionalMembers(telemetryMembers) },
  { title: 'BrokenTelemetry', additionalProperties: true },
);

/** Error of the line protocol routes, in the form that clients of InfluxDB read. */
export const writeError = object(
  {
    code: literal('invalid'),
    message: string({ description: 'The first line that was rejected and why, and how many there were.' }),
    error: string({ description: 'The same, where version 1 has it.' }),
    line: integer({ minimum: 1, description: 'Number of the first line that was rejected.' }),
  },
  { ...closed, title: 'WriteError' },
);

/** What clients of InfluxDB 1 ask for at their start, as it answers them. */
export const influxResults = object(
  {
    results: array(
      object(
        {
          statement_id: integer({ minimum: 0, description: 'Place of the statement in the query, from 0.' }),
          series: optionalMember(
            array(
              object(
                { name: string(), columns: array(string()), values: array(array(string())) },
                { ...closed, title: 'InfluxSeries' },
              ),
              { description: 'Of SHOW DATABASES.' },
            ),
          ),
        },
        { ...closed, title: 'InfluxResult' },
      ),
    ),
  },
  {
    ...closed,
    title: 'InfluxResults',
    examples: [
      {
        results: [
          { statement_id: 0, series: [{ name: 'databases', columns: ['name'], values: [['pisync']] }] },
        ],
      },
    ],
  },
);

const bucketValue = optionalMember(either([number(), nothing()]));

const buckets = array(
  object(
    {
      timestamp: pointTime,
      count: optionalMember(integer({ minimum: 0 })),
      sum: bucketValue,
      avg: bucketValue,
      min: bucketValue,
      max: bucketValue,
      first: bucketValue,
      last: bucketValue,
      stddev: bucketValue,
      p50: bucketValue,
      p95: bucketValue,
      p99: bucketValue,
    },
    {
      ...closed,
      description: 'Start of the bucket, and what was asked of it; null where there is no value.',
    },
  ),
  { description: 'In order of time.' },
);

const bucketMembers = {
  metric: seriesMembers.metric,
  bucket: string({ description: 'Width of the buckets.' }),
  time_zone: string({ description: 'Zone whose days, weeks and months are meant.' }),
};

const seriesCount = integer({ minimum: 1, description: 'How many series count in it.' });

const bucketPage = object(
  {
    ...bucketMembers,
    device_id: optionalMember(string({ description: 'Where there is one series.' })),
    tags: optionalMember(
      object({}, { description: 'Where there is one series.', additionalProperties: { type: 'string' } }),
    ),
    series: seriesCount,
    buckets,
  },
  { ...closed, title: 'BucketPage' },
);

const bucketGroups = object(
  {
    ...bucketMembers,
    group_by: string({ description: 'What tells the groups apart: device, or tag: and the name of a tag.' }),
    groups: array(
      object(
        {
          group: either([string(), nothing()], {
            description: 'The device or the value of the tag; null for the series without the tag.',
          }),
          series: seriesCount,
          buckets,
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'BucketGroups' },
);

/** Reply to `GET /api/telemetry/aggregate`. */
export const bucketReply = either([bucketPage, bucketGroups], { title: 'BucketReply' });

/** Reply to `GET /api/telemetry/downsample`. */
export const chartPage = object(
  { ...seriesMembers, points: array(point, { description: 'Oldest first.' }) },
  { ...closed, title: 'ChartPage' },
);
