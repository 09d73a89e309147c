import type { Quantiles } from '../quantiles.ts';
import type { GraphTimes } from './graph.ts';
import type { Size } from './size.ts';
import type { StartUp } from './start-up.ts';

export interface Measured {
  graph: GraphTimes;
  requests: { screen: Quantiles; readOnly: Quantiles };
  batches: { 1: Quantiles; 64: Quantiles };
  cpu: Quantiles;
  startUp: { screen: StartUp; empty: StartUp };
  size: { code: Size; model: Size };
  /** Wasm memory of ONNX Runtime after batches of 64, MiB. */
  heap: number;
}

/** A line of the table: what was found beside what must be. */
export interface Row {
  what: string;
  /** By medians; `low` by the 10th percentiles, which other work on the machine disturbs least. */
  found: number;
  low?: number;
  must: number;
  aim?: number;
  unit: string;
  better: 'less' | 'more';
  holds: boolean;
}

export function rowsOf({ graph, requests, batches, cpu, startUp, size, heap }: Measured): Row[] {
  const of = (side: string, batch: 1 | 64) => graph[side]?.[batch] as Quantiles;
  const ratio = (a: Quantiles, b: Quantiles, factor = 1) => ({ found: (factor * a.p50) / b.p50, low: (factor * a.p10) / b.p10 });
  const added = (a: Quantiles, b: Quantiles) => ({ found: a.p50 - b.p50, low: a.p10 - b.p10 });
  const MiB = 2 ** 20;
  const less = { better: 'less' } as const;
  const more = { better: 'more' } as const;
  const rows: Omit<Row, 'holds'>[] = [
    {
      what: 'one image, workerd : onnxruntime-node',
      ...ratio(of('workerd', 1), of('onnxruntime-node', 1)),
      must: 2.4,
      aim: 1.8,
      unit: 'x',
      ...less,
    },
    { what: 'one image, tfjs-wasm : workerd', ...ratio(of('tfjs-wasm', 1), of('workerd', 1)), must: 2, aim: 3, unit: 'x', ...more },
    { what: 'p50 that /screen adds', ...added(requests.screen, requests.readOnly), must: 1.5, aim: 0.8, unit: 'ms', ...less },
    { what: 'images a second, /screen with 64 : with 1', ...ratio(batches[1], batches[64], 64), must: 2, aim: 4, unit: 'x', ...more },
    { what: 'cold start, cpu', ...added(startUp.screen.cpu, startUp.empty.cpu), must: 250, aim: 180, unit: 'ms', ...less },
    { what: 'cpu a request, p99', found: cpu.p99, must: 5, aim: 3, unit: 'ms', ...less },
    { what: 'memory above an empty worker', ...added(startUp.screen.memory, startUp.empty.memory), must: 64, unit: 'MiB', ...less },
    { what: 'wasm heap of it, after batches of 64', found: heap, must: 64, unit: 'MiB', ...less },
    { what: 'code and runtime, without the model', found: size.code.bytes / MiB, must: 15.5, unit: 'MiB', ...less },
    { what: 'the same in gzip', found: size.code.gzip / MiB, must: 4.5, unit: 'MiB', ...less },
  ];
  return rows.map((row) => ({
    ...row,
    found: rounded(row.found),
    ...(row.low === undefined ? {} : { low: rounded(row.low) }),
    holds: row.better === 'less' ? row.found <= row.must : row.found >= row.must,
  }));
}

const rounded = (value: number) => Number(value.toFixed(4));
