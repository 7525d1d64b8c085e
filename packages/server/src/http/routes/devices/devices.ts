import { PisyncError } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import { type DeviceSort, deviceStates } from '../../../ports/store.ts';
import { MAX_LIMIT } from '../../../services/query.ts';
import { deviceFields } from '../../../services/views.ts';
import { jsonReply } from '../../document/documented.ts';
import { fields, integer, oneOf, project, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';

const sorts = ['device_id', 'last_seen', 'consecutive_failures', 'total_failures', 'syncs'] as const;
const signedSorts = sorts.flatMap((sort) => [sort, `-${sort}`] as const);

const query = {
  search: text(128, 'Only devices whose id contains this text, whatever its case.'),
  status: oneOf(deviceStates, undefined, 'Only devices in this state.'),
  sort: oneOf(signedSorts, 'device_id', 'What to order by; with a minus sign, largest first.'),
  order: oneOf(['asc', 'desc'], undefined, 'The direction, in place of the minus sign.'),
  limit: integer({ min: 1, max: MAX_LIMIT, fallback: 10 }, 'Items of one page.'),
  cursor: text(1024, 'next_cursor of the previous reply, with the same filters.'),
  fields: fields(deviceFields),
};

/** All devices. */
export const devices: Route = {
  method: 'GET',
  path: '/api/devices',
  tag: 'devices',
  operationId: 'listDevices',
  summary: 'All devices: search, filter, sort',
  query,
  replies: { 200: jsonReply(schemas.devicePage, 'One page of devices.') },
  async handle(exchange) {
    const { sort, order, fields: wanted, ...filters } = readQuery(query, exchange.target.query);
    const signed = sort.startsWith('-');
    if (signed && order !== undefined) {
      const detail = 'Give the direction once: by a minus sign before sort, or by order.';
      throw new PisyncError('invalid_parameter', { field: 'order', detail });
    }
    const found = await exchange.services.queries.devices({
      ...filters,
      sort: (signed ? sort.slice(1) : sort) as DeviceSort,
      descending: signed || order === 'desc',
    });
    const items = found.items.map((item) => project(item, wanted));
    exchange.read({ ...found, items });
  },
};
