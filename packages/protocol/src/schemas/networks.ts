import {
  channelSchema,
  frequencySchema,
  identitySchema,
  latSchema,
  listMembers,
  lonSchema,
  nameSchema,
  placeSchema,
  securitySchema,
  signalSchema,
  typeSchema,
  vendorSchema,
} from './detection-scalars.ts';
import { array, number, object, oneOf, string } from './json-schema.ts';
import { closed, count, nullable, time } from './scalars.ts';

const networkIdSchema = string({ description: 'Its type, a colon and its identity.' });

const networkMembers = {
  id: networkIdSchema,
  type: typeSchema,
  identity: identitySchema,
  vendor: vendorSchema,
  name: nameSchema,
  security: securitySchema,
  channel: nullable(channelSchema),
  frequency_mhz: nullable(frequencySchema),
  first_seen_at: time('Its first detection, by corrected time.'),
  last_seen_at: time('Its newest detection, by corrected time.'),
  detections: count('How often it was heard.'),
  strongest: nullable(
    object(
      { signal_dbm: signalSchema, position: nullable(placeSchema) },
      { ...closed, description: 'The strongest signal and where it was heard.' },
    ),
  ),
  position: nullable(
    object(
      {
        lat: latSchema,
        lon: lonSchema,
        observations: count('Detections with a position that it is estimated from.'),
      },
      { ...closed, description: 'Where it probably stands; null where no detection has a position.' },
    ),
  ),
};

const exampleNetwork = {
  id: 'wifi:00:1A:2B:3C:4D:5E',
  type: 'wifi',
  identity: '00:1A:2B:3C:4D:5E',
  vendor: 'Ayecom Technology Co., Ltd.',
  name: 'Cafe Central',
  security: 'wpa2',
  channel: 6,
  frequency_mhz: 2437,
  first_seen_at: '2026-11-20T08:30:00.000Z',
  last_seen_at: '2026-11-20T08:30:00.000Z',
  detections: 1,
  strongest: { signal_dbm: -61, position: { lat: 48.210033, lon: 16.363449 } },
  position: { lat: 48.210033, lon: 16.363449, observations: 1 },
};

/** One network, station or cell. */
const network = object(networkMembers, { ...closed, title: 'Network' });

/** Reply to `GET /api/networks`. */
export const networkPage = object(
  { items: array(network, { description: 'Newest seen first.' }), ...listMembers },
  { ...closed, title: 'NetworkPage', examples: [{ items: [exampleNetwork], next_cursor: null, limit: 100 }] },
);

const variantMembers = { name: nameSchema, security: securitySchema };

/** Reply to `GET /api/networks/{id}`. */
export const networkDetail = object(
  {
    ...networkMembers,
    variants: array(
      object(
        {
          ...variantMembers,
          first_seen_at: time('First detection with this name and security.'),
          last_seen_at: time('Newest detection with them.'),
          detections: count('How often it was heard so.'),
        },
        closed,
      ),
      {
        maxItems: 100,
        description: 'What it was seen as, oldest first; at most the 100 that were seen last.',
      },
    ),
  },
  {
    ...closed,
    title: 'NetworkDetail',
    examples: [
      {
        ...exampleNetwork,
        variants: [
          {
            name: 'Cafe Central',
            security: 'wpa2',
            first_seen_at: '2026-11-20T08:30:00.000Z',
            last_seen_at: '2026-11-20T08:30:00.000Z',
            detections: 1,
          },
        ],
      },
    ],
  },
);

/** Reply to `GET /api/network-changes`. */
export const networkChangePage = object(
  {
    from: time('Start of the time that was looked at.'),
    to: time('Its end, exclusive.'),
    items: array(
      object(
        {
          kind: oneOf(['new_network', 'name_changed', 'security_changed']),
          timestamp: time('When it was first seen so, by corrected time.'),
          id: networkIdSchema,
          type: typeSchema,
          identity: identitySchema,
          vendor: vendorSchema,
          ...variantMembers,
          before: nullable(
            object(variantMembers, {
              ...closed,
              description: 'What it was seen as before; null for a new network.',
            }),
          ),
        },
        { ...closed, title: 'NetworkChange' },
      ),
      { description: 'Newest first.' },
    ),
    ...listMembers,
  },
  {
    ...closed,
    title: 'NetworkChangePage',
    examples: [
      {
        from: '2026-11-13T08:30:00.000Z',
        to: '2026-11-20T08:30:00.000Z',
        items: [
          {
            kind: 'security_changed',
            timestamp: '2026-11-19T18:02:11.000Z',
            id: 'wifi:00:1A:2B:3C:4D:5E',
            type: 'wifi',
            identity: '00:1A:2B:3C:4D:5E',
            vendor: 'Ayecom Technology Co., Ltd.',
            name: 'Cafe Central',
            security: 'open',
            before: { name: 'Cafe Central', security: 'wpa2' },
          },
        ],
        next_cursor: null,
        limit: 100,
      },
    ],
  },
);

/** Reply to `GET /api/evil-twins`. */
export const evilTwinPage = object(
  {
    items: array(
      object(
        {
          network,
          beside: network,
          distance_m: nullable(
            number({
              minimum: 0,
              description: 'Metres between the two; null where a position is not known.',
            }),
          ),
          reasons: array(
            object(
              {
                code: oneOf(['open_beside_secured', 'weaker_security', 'local_address', 'new_nearby']),
                detail: string({ description: 'The reason in words.' }),
              },
              closed,
            ),
            { minItems: 1 },
          ),
        },
        {
          ...closed,
          title: 'EvilTwinCandidate',
          description:
            'network may pretend to be beside, which bears the same name and is known longer. A question for a person, not a finding.',
        },
      ),
      { description: 'By name, in the order of its characters.' },
    ),
    ...listMembers,
  },
  {
    ...closed,
    title: 'EvilTwinPage',
    examples: [
      {
        items: [
          {
            network: {
              ...exampleNetwork,
              id: 'wifi:02:1A:2B:00:00:01',
              identity: '02:1A:2B:00:00:01',
              vendor: null,
              security: 'open',
              first_seen_at: '2026-11-20T08:30:00.000Z',
              strongest: { signal_dbm: -48, position: { lat: 48.210101, lon: 16.363601 } },
              position: { lat: 48.210101, lon: 16.363601, observations: 1 },
            },
            beside: { ...exampleNetwork, first_seen_at: '2026-03-02T17:12:00.000Z', detections: 412 },
            distance_m: 14,
            reasons: [
              {
                code: 'open_beside_secured',
                detail: 'It is open to anyone, while 00:1A:2B:3C:4D:5E, known longer, is secured by wpa2.',
              },
            ],
          },
        ],
        next_cursor: null,
        limit: 100,
      },
    ],
  },
);
