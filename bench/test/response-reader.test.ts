import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ResponseReader } from '../load/http/response-reader.ts';

interface Expected {
  readonly status: number;
  readonly body: Buffer;
  readonly bytes: Buffer;
}

const bodies = fc.uint8Array({ maxLength: 300 }).map((it) => Buffer.from(it));
const statuses = fc.constantFrom(200, 201, 400, 429, 503);
const lengthNames = fc.constantFrom('content-length', 'Content-Length');

/** A response with its length in the head, with other headers around it. */
const sized: fc.Arbitrary<Expected> = fc.tuple(statuses, bodies, lengthNames).map(([status, body, name]) => {
  const head = `HTTP/1.1 ${status} Some Reason\r\ncontent-type: application/json\r\n${name}: ${body.length}\r\nretry-after: 7\r\n\r\n`;
  return { status, body, bytes: Buffer.concat([Buffer.from(head), body]) };
});

/** The same body in chunks. */
const chunked: fc.Arbitrary<Expected> = fc
  .tuple(statuses, fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { maxLength: 6 }))
  .map(([status, parts]) => {
    const chunks = parts.flatMap((part) => [
      Buffer.from(`${part.length.toString(16)}\r\n`),
      part,
      Buffer.from('\r\n'),
    ]);
    const head = `HTTP/1.1 ${status} X\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n`;
    return {
      status,
      body: Buffer.concat(parts),
      bytes: Buffer.concat([Buffer.from(head), ...chunks, Buffer.from('0\r\n\r\n')]),
    };
  });

test('responses are read whole, however they are cut', () => {
  const responses = fc.array(fc.oneof(sized, chunked), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(
      responses,
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 }),
      (all, cuts) => {
        const reader = new ResponseReader();
        for (const expected of all) {
          let at = 0;
          let done = false;
          for (let step = 0; at < expected.bytes.length; step++) {
            assert.equal(done, false, 'complete before its last byte');
            const size = cuts[step % cuts.length]!;
            done = reader.push(expected.bytes.subarray(at, at + size));
            at += size;
          }
          assert.equal(done, true);
          assert.equal(reader.status, expected.status);
          assert.deepEqual(Buffer.from(reader.body), expected.body);
          assert.equal(reader.header('Retry-After'), '7');
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a body of many chunks is one, however large', () => {
  const parts = Array.from({ length: 12 }, (_, at) => Buffer.alloc(30_000, 65 + at));
  const reader = new ResponseReader();
  reader.push(Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'));
  for (const part of parts) {
    const chunk = [Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')];
    assert.equal(reader.push(Buffer.concat(chunk)), false);
  }
  assert.equal(reader.push(Buffer.from('0\r\n\r\n')), true);
  assert.ok(reader.body.equals(Buffer.concat(parts)));
});

test('what is no response is refused', () => {
  assert.throws(() => new ResponseReader().push(Buffer.from('SSH-2.0-OpenSSH_9.2\r\n\r\n')), /not an HTTP/);
  assert.throws(() => new ResponseReader().push(Buffer.from('HTTP/1.1 200 OK\r\n\r\n')), /without a length/);
  const two = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'.repeat(2);
  assert.throws(() => new ResponseReader().push(Buffer.from(two)), /more bytes/);
  const chunks = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
  const broken = (body: string): boolean => new ResponseReader().push(Buffer.from(chunks + body));
  assert.throws(() => broken('-1\r\n'), /broken chunked/);
  assert.throws(() => broken('5z\r\n'), /broken chunked/);
  assert.throws(() => broken('two\r\n'), /broken chunked/);
  assert.throws(() => broken('0\r\n\r\nHTTP/1.1 200 OK'), /more bytes/);
});
