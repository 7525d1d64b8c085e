import { exportFormats } from '../../../export/export-formats.ts';
import { oneOf, readQuery } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { networkFilter, networkFilters, optionalNetworkBox } from '../detections/detection-parameters.ts';
import { exportedReply, sendExport } from '../detections/export-reply.ts';

const formats = exportFormats.flatMap((format) =>
  format.networks === undefined ? [] : [{ ...format, networks: format.networks }],
);
const names = formats.map(({ name }) => name);

const query = {
  format: oneOf(names, 'csv', 'What the file is written in.'),
  box: optionalNetworkBox,
  ...networkFilters,
};

/** All networks that meet all conditions, as a file. */
export const exportNetworks: Route = {
  method: 'GET',
  path: '/api/networks/export',
  tag: 'detections',
  operationId: 'exportNetworks',
  summary: 'Networks as a file',
  description:
    'The conditions of GET /api/networks, without pages. A network that is heard while the file is written may be left out.',
  query,
  replies: { 200: exportedReply(formats) },
  async handle(exchange) {
    const { format: name, ...conditions } = readQuery(query, exchange.target.query);
    const { detectionQueries } = exchange.services;
    const format = formats.find((one) => one.name === name);
    if (format === undefined) throw new TypeError(`no format ${name}`);
    const batches = detectionQueries.everyNetwork(networkFilter(conditions));
    const bytes = format.networks(batches, detectionQueries.exportContext('Networks'));
    await sendExport(exchange, 'networks', format, bytes);
  },
};
