import { exportFormats } from '../../../export/export-formats.ts';
import { oneOf, readQuery } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { detectionFilter, detectionFilters, optionalBox } from './detection-parameters.ts';
import { exportedReply, sendExport } from './export-reply.ts';

const formats = exportFormats.flatMap((format) =>
  format.detections === undefined ? [] : [{ ...format, detections: format.detections }],
);
const names = formats.map(({ name }) => name);

const query = {
  format: oneOf(names, 'csv', 'What the file is written in.'),
  box: optionalBox,
  ...detectionFilters,
};

/** All detections that meet all conditions, as a file. */
export const exportDetections: Route = {
  method: 'GET',
  path: '/api/detections/export',
  tag: 'detections',
  operationId: 'exportDetections',
  summary: 'Detections as a file',
  description:
    'The conditions of GET /api/detections, without pages. ndjson can be sent again: the same detections are duplicates then.',
  query,
  replies: { 200: exportedReply(formats) },
  async handle(exchange) {
    const { format: name, ...conditions } = readQuery(query, exchange.target.query);
    const { detectionQueries } = exchange.services;
    const format = formats.find((one) => one.name === name);
    if (format === undefined) throw new TypeError(`no format ${name}`);
    const batches = detectionQueries.everyDetection(detectionFilter(conditions));
    const bytes = format.detections(batches, detectionQueries.exportContext('Detections'));
    await sendExport(exchange, 'detections', format, bytes);
  },
};
