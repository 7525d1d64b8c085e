import { isDeviceId, PisyncError, syncStatuses } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import { MAX_LIMIT } from '../../../services/query.ts';
import { syncFields } from '../../../services/views.ts';
import { deviceIdParameter, jsonReply } from '../../document/documented.ts';
import type { Exchange } from '../../exchange.ts';
import { fields, integer, moment, oneOf, project, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';

const query = {
  page: integer(
    { min: 1, max: 100_000, fallback: undefined },
    'Page, from 1; with limit it reaches 100,000 items deep.',
  ),
  limit: integer({ min: 1, max: MAX_LIMIT, fallback: 10 }, 'Items of one page.'),
  cursor: text(1024, 'next_cursor of the previous reply, in place of page; stays right while events arrive.'),
  from: moment('Only syncs at or after this time.'),
  to: moment('Only syncs before this time.'),
  status: oneOf(syncStatuses, undefined, 'Only syncs with this outcome.'),
  fields: fields(syncFields),
};

async function handle(exchange: Exchange): Promise<void> {
  const { services } = exchange;
  const { fields: wanted, ...request } = readQuery(query, exchange.target.query);
  const deviceId = exchange.parameter('id');
  if (!isDeviceId(deviceId)) throw new PisyncError('device_unknown', { detail: 'This is no device id.' });
  const found = await services.queries.history({ deviceId, ...request });
  const items = found.items.map((item) => project(item, wanted));
  exchange.read({ ...found, items });
}

function historyAt(path: string, operationId: string): Route {
  return {
    method: 'GET',
    path,
    tag: 'devices',
    operationId,
    summary: 'Syncs of one device, newest first',
    query,
    pathParameters: deviceIdParameter,
    problems: [404],
    replies: { 200: jsonReply(schemas.historyPage, 'One page of the history.') },
    handle,
  };
}

/** One device's history. */
export const syncHistory = historyAt('/api/devices/:id/sync-history', 'getSyncHistory');

/** The same under the requirement documents' path. */
export const syncHistorySingular = historyAt('/api/device/:id/sync-history', 'getDeviceSyncHistory');
