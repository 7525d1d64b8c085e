import type { BenchContext } from '../harness/bench-context.ts';
import { bareCommand, expressCommand } from '../harness/pisync-command.ts';
import type { Row, Scenario } from '../harness/scenario.ts';
import { interleave, median, medianRatio, short } from '../harness/statistics.ts';
import { runSingleLoad, type SingleLoadResult, singleGenerator } from '../load/single-load.ts';

type Contestant = 'bare' | 'pisync' | 'express';

/** Durable single events beside a server that stores nothing and one that stores one by one. */
export const single: Scenario = {
  name: 'single',
  about: 'durable POST /api/sync-event against bare node:http and Express + one insert per request',
  async run(context) {
    const rows: Row[] = [];
    for (const connections of context.sizes.single.connections) {
      rows.push(...(await compare(context, connections)));
    }
    return rows;
  },
};

async function compare(context: BenchContext, connections: number): Promise<Row[]> {
  const { rounds } = context.sizes.single;
  const folder = context.folder('single');
  const express = context.folder('single-express');
  const results = await context.withServer(bareCommand(), (bareServer) =>
    context.withServer(expressCommand(express), (expressServer) =>
      context.withPisync(`single, ${connections} connections`, folder, async (pisyncServer) => {
        const run = async (name: Contestant, url: string): Promise<() => Promise<SingleLoadResult>> => {
          const load = new ContestantLoad(context, connections, `${url}/api/sync-event`);
          await load.warmUp();
          return async () => {
            const result = await load.measure();
            context.say(
              `  ${connections} connections, ${name}: ${short(result.rate)}/s, p95 ${short(result.p95)} ms`,
            );
            return result;
          };
        };
        return interleave<Contestant, SingleLoadResult>(rounds, {
          bare: await run('bare', bareServer.url),
          pisync: await run('pisync', pisyncServer.url),
          express: await run('express', expressServer.url),
        });
      }),
    ),
  );
  context.removeFolder(folder);
  context.removeFolder(express);
  context.details[`single, ${connections} connections`] = results;
  return rowsOf(connections, results);
}

function rowsOf(connections: number, results: Record<Contestant, SingleLoadResult[]>): Row[] {
  const rates = (name: Contestant): number[] => results[name].map((it) => it.rate);
  const middle = (name: Contestant): string => `${short(median(rates(name)))}/s`;
  const p95 = median(results.pisync.map((it) => it.p95));
  return [
    {
      id: `single_${connections}_vs_bare`,
      label: `single POST, ${connections} connections, against bare node:http`,
      value: medianRatio(rates('pisync'), rates('bare')),
      unit: '×',
      goal: { better: 'higher', atLeast: 0.5, aim: 0.7 },
      note: `${middle('pisync')} to ${middle('bare')}; p95 ${short(p95)} ms; by ${singleGenerator()}`,
    },
    {
      id: `single_${connections}_vs_express`,
      label: `single POST, ${connections} connections, against Express + insert`,
      value: medianRatio(rates('pisync'), rates('express')),
      unit: '×',
      goal: { better: 'higher', atLeast: 10, aim: 15 },
      note: `${middle('pisync')} to ${middle('express')}`,
    },
  ];
}

/** The runs of single events against one server: counters go on from run to run, so that no device has a gap. */
export class ContestantLoad {
  readonly #context: BenchContext;
  readonly #connections: number;
  readonly #url: string;
  #next = 0;

  constructor(context: BenchContext, connections: number, url: string) {
    this.#context = context;
    this.#connections = connections;
    this.#url = url;
  }

  /** Number of the next event. */
  get next(): number {
    return this.#next;
  }

  warmUp(): Promise<SingleLoadResult> {
    return this.#run(this.#context.sizes.single.warmUpSeconds);
  }

  measure(): Promise<SingleLoadResult> {
    return this.#run(this.#context.sizes.single.seconds);
  }

  async #run(seconds: number): Promise<SingleLoadResult> {
    const result = await runSingleLoad({
      url: this.#url,
      connections: this.#connections,
      seconds,
      devices: this.#context.sizes.devices,
      epoch: 'bench',
      start: this.#next,
    });
    if (result.errors > 0) throw new Error(`${this.#url}: ${result.errors} errors: ${result.firstError}`);
    this.#next = result.next;
    return result;
  }
}
