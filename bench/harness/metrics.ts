/** All samples of a Prometheus text page, by name with labels. */
function parseMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)/.exec(line);
    if (match !== null) samples.set(match[1]!, Number(match[2]));
  }
  return samples;
}

/** What a PiSync server's `/metrics` says; empty where the page cannot be read. */
async function readMetrics(url: string): Promise<Map<string, number>> {
  const reply = await fetch(`${url}/metrics`).catch(() => null);
  return reply?.status === 200 ? parseMetrics(await reply.text()) : new Map();
}

/** What a PiSync server tells about its event loop; empty where it tells nothing. */
export async function eventLoopMetrics(url: string): Promise<Record<string, number>> {
  const samples = await readMetrics(url);
  const chosen = [...samples].filter(([name]) => name.includes('event_loop') && !name.includes('_bucket'));
  return Object.fromEntries(chosen.map(([name, value]) => [name, Number(value.toPrecision(4))]));
}

/** Points of telemetry that a PiSync server has stored since its start; -1 where it does not tell. */
export async function pisyncPoints(url: string): Promise<number> {
  return (await readMetrics(url)).get('pisync_points_total') ?? -1;
}
