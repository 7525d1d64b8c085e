/** All samples of a Prometheus text page, by name with labels. */
function parseMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)/.exec(line);
    if (match !== null) samples.set(match[1]!, Number(match[2]));
  }
  return samples;
}

/** What a PiSync server's `/metrics` says about its event loop; empty where the page cannot be read. */
export async function eventLoopMetrics(url: string): Promise<Record<string, number>> {
  const reply = await fetch(`${url}/metrics`).catch(() => null);
  if (reply?.status !== 200) return {};
  const samples = parseMetrics(await reply.text());
  const chosen = [...samples].filter(([name]) => name.includes('event_loop') && !name.includes('_bucket'));
  return Object.fromEntries(chosen.map(([name, value]) => [name, Number(value.toPrecision(4))]));
}
