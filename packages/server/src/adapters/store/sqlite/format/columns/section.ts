import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/*
 * A section: bytes that are kept and read together, as one zstd frame or, where that would not be smaller, as they are.
 */

/** A section as it is kept. It is a frame where `contentBytes` differs from the number of bytes. */
export interface Section {
  readonly bytes: Uint8Array;
  readonly contentBytes: number;
  /** CRC-32 of `bytes`. */
  readonly crc: number;
}

/** Shorter contents do not pay for a frame. */
const LEAST_CONTENT = 48;
/** No writer makes a section as large as this: a larger number is damage. */
const LARGEST_CONTENT = 64 * 1024 * 1024;
/** zstd output is never put into Node's shared pool of small buffers, so that it can be freed: the pool takes less than half its size. */
const LEAST_CHUNK = Buffer.poolSize >>> 1;

/**
 * Makes a section of `content`, which may be overwritten afterwards.
 *
 * @param level - of zstd
 */
export function packSection(content: Uint8Array, level: number): Section {
  const bytes = shorter(content, level);
  return { bytes, contentBytes: content.length, crc: crc32(bytes) };
}

function shorter(content: Uint8Array, level: number): Uint8Array {
  if (content.length >= LEAST_CONTENT) {
    const { ZSTD_c_compressionLevel, ZSTD_c_contentSizeFlag } = constants;
    const frame = zstdCompressSync(content, {
      params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_contentSizeFlag]: 0 },
      chunkSize: Math.max(LEAST_CHUNK, content.length + 1024),
    });
    if (frame.length < content.length) return frame;
  }
  return Uint8Array.from(content);
}

/**
 * The content of a section.
 *
 * @throws {RangeError} if it fails its checksum or has another length
 */
export function unpackSection({ bytes, contentBytes, crc }: Section): Uint8Array {
  if (crc32(bytes) !== crc) throw new RangeError('a section fails its checksum');
  if (bytes.length === contentBytes) return bytes;
  if (contentBytes > LARGEST_CONTENT) throw new RangeError(`a section of ${contentBytes} bytes`);
  const content = zstdDecompressSync(bytes, { chunkSize: Math.max(LEAST_CHUNK, contentBytes + 1) });
  if (content.length !== contentBytes) throw new RangeError(`${content.length} bytes in a section`);
  return content;
}
