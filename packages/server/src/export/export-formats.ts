import type { ExportFormat } from './export-format.ts';
import { detectionLines, networkLines } from './ndjson.ts';
import { arrowWriter } from './table/arrow.ts';
import { csvWriter } from './table/csv.ts';
import { detectionColumns } from './table/detection-columns.ts';
import { geojsonWriter } from './table/geojson.ts';
import { networkColumns } from './table/network-columns.ts';
import { wigleCsv } from './wigle-csv.ts';
import { detectionGpx, networkGpx } from './xml/gpx.ts';
import { detectionKml, networkKml } from './xml/kml.ts';
import { kmzWriter } from './xml/kmz.ts';

/** All formats, in the order in which they are documented. */
export const exportFormats: readonly ExportFormat[] = [
  {
    name: 'csv',
    mediaType: 'text/csv; charset=utf-8',
    extension: 'csv',
    detections: csvWriter(detectionColumns),
    networks: csvWriter(networkColumns),
  },
  {
    name: 'ndjson',
    mediaType: 'application/x-ndjson; charset=utf-8',
    extension: 'ndjson',
    detections: detectionLines,
    networks: networkLines,
  },
  {
    name: 'geojson',
    mediaType: 'application/geo+json',
    extension: 'geojson',
    detections: geojsonWriter(detectionColumns, (item) => item.position),
    networks: geojsonWriter(networkColumns, (item) => item.position),
  },
  {
    name: 'kml',
    mediaType: 'application/vnd.google-earth.kml+xml',
    extension: 'kml',
    detections: detectionKml,
    networks: networkKml,
  },
  {
    name: 'kmz',
    mediaType: 'application/vnd.google-earth.kmz',
    extension: 'kmz',
    detections: kmzWriter(detectionKml),
    networks: kmzWriter(networkKml),
  },
  {
    name: 'gpx',
    mediaType: 'application/gpx+xml',
    extension: 'gpx',
    detections: detectionGpx,
    networks: networkGpx,
  },
  {
    name: 'wigle-csv',
    mediaType: 'text/csv; charset=utf-8',
    extension: 'wigle.csv',
    detections: wigleCsv,
  },
  {
    name: 'arrow',
    mediaType: 'application/vnd.apache.arrow.stream',
    extension: 'arrows',
    detections: arrowWriter(detectionColumns),
    networks: arrowWriter(networkColumns),
  },
];
