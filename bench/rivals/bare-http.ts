/**
 * The upper bound: a bare `node:http` server that reads and parses each event, answers 201, and stores nothing.
 * Usage: node bench/rivals/bare-http.ts PORT
 */
import { createServer } from 'node:http';

const port = Number(process.argv[2] ?? 0);

const server = createServer((request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(200).end('ready');
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const event = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      device_id: string;
      timestamp: string;
    };
    const reply = JSON.stringify({
      result: 'parsed',
      device_id: event.device_id,
      timestamp: event.timestamp,
    });
    response
      .writeHead(201, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(reply) })
      .end(reply);
  });
});

server.listen(port, '127.0.0.1', 4096);
