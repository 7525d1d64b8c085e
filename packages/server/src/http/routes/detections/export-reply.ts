import type { ExportFormat } from '../../../export/export-format.ts';
import type { Exchange } from '../../exchange.ts';
import type { ReplyBody } from '../../route.ts';

/** What the document tells of a file in one of some formats. */
export function exportedReply(formats: readonly ExportFormat[]): ReplyBody {
  const types = new Set(formats.map(({ mediaType }) => mediaType.split(';')[0] as string));
  return {
    description:
      'The file, streamed. A connection that is cut before its end means that the file is not whole.',
    content: Object.fromEntries([...types].map((type) => [type, { schema: { type: 'string' } }])),
  };
}

/** Answers with a file whose name says what is in it and when it was asked for. */
export function sendExport(
  exchange: Exchange,
  what: 'detections' | 'networks',
  { mediaType, extension }: ExportFormat,
  bytes: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<void> {
  const time = new Date(exchange.services.clock.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  exchange.header('content-disposition', `attachment; filename="pisync-${what}-${time}Z.${extension}"`);
  return exchange.stream(mediaType, bytes);
}
