import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import { measureLargeBodies, measureOverload } from './overload.ts';
import { measureSides } from './sides.ts';

/**
 * Measures the fallback's capacity: `pnpm fallback` in its own process, asked over HTTP by this one.
 *
 *   [MODEL=name] pnpm bench:fallback [--json] [--hour PRICE]
 *
 * Linux only, for the memory is read from /proc.
 */
const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, hour: { type: 'string', default: '0.04' } } });
const say = (text: string) => console.error(text);
/** An answer after that is of no use. */
const WITHIN_MS = 4000;

const screening = await parseScreening(await readFile(join('models', process.env.MODEL ?? 'mnist', 'screening.json'), 'utf8'));
const { height, width, channels } = screening.input;
/** Noise, which the edge rejects. @param parameters of the request */
const bodyOf = (images: number, parameters = {}) => {
  const data = Array.from({ length: images * height * width * channels }, () => Math.fround(Math.random()));
  const input = { name: 'image', datatype: 'FP32', shape: [images, height, width, channels], data };
  return Buffer.from(JSON.stringify({ parameters, inputs: [input] }));
};
const bodies = Array.from({ length: 20 }, () => bodyOf(1));
const urgent = Array.from({ length: 20 }, () => bodyOf(1, { timeout: WITHIN_MS * 1000 }));
const before = loadavg()[0] as number;
const date = new Date().toISOString();

say('throughput and latency');
const sides = await measureSides(bodies, WITHIN_MS);
say('overload');
const overload = await measureOverload(urgent, WITHIN_MS);
say('large bodies');
const largeBodiesP99Ms = await measureLargeBodies(bodyOf(64), 4);

const best = Math.max(...sides.filter(({ threads }) => threads === 1).flatMap((side) => side.capacity));
const coreHours = 1e6 / best / 3600;
const found = {
  model: { name: screening.name, id: screening.id },
  date,
  machine: { processor: cpus()[0]?.model, cores: availableParallelism(), load: { before, after: loadavg()[0] as number } },
  sides,
  overload,
  /** p99 while requests of 64 images come. */
  largeBodies: { eventLoopP99Ms: largeBodiesP99Ms },
  /** Cost of a million rejections a day, at this throughput of one core and this price of a core's hour. */
  million: { coreHours, coresAllDay: coreHours / 24, pricePerCoreHour: Number(values.hour), price: coreHours * Number(values.hour) },
};
if (values.json) console.log(JSON.stringify(found, null, 2));
else {
  for (const { threads, batchSize, capacity, loads } of sides) {
    const latencies = loads.map(({ share, p50, p99 }) => `${100 * share} %: p50 ${p50?.toFixed(0)} p99 ${p99?.toFixed(0)} ms`);
    console.log(
      `${threads} threads, batches of ${batchSize}: ${capacity.map((n) => n.toFixed(1)).join(' ')} images/s; at ${latencies.join(', ')}`,
    );
  }
  const { goodputOfCapacity, goodputOfCapacityByCpu, busyAndInTime, memory, refusal, eventLoopP99Ms } = overload;
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  console.log(
    `overload x5: goodput ${percent(goodputOfCapacity)} of capacity ` +
      `(by processor time ${percent(goodputOfCapacityByCpu)}; busy and in time ${percent(busyAndInTime.product)})`,
  );
  console.log(`refused in ${refusal?.p50} ms (p99 ${refusal?.p99}); memory ${memory.start.toFixed(0)} to ${memory.most.toFixed(0)} MiB`);
  console.log(`event loop p99: ${eventLoopP99Ms.toFixed(1)} ms, with large bodies ${largeBodiesP99Ms.toFixed(1)} ms`);
  console.log(`a million rejections: ${coreHours.toFixed(1)} core hours`);
}
