import { resumeTraining } from '../../trainer/resume.ts';
import { type TrainOptions, train } from '../../trainer/train.ts';

/**
 * node test/trainer/webgpu-run-process.ts OPTIONS, in the folder in which `runs` is: trains on webgpu by `TrainOptions` in JSON, is
 * stopped after the first step, and goes on to the end. The last line of its output is the outcomes on the test split.
 */
const options = JSON.parse(process.argv[2] as string) as TrainOptions;
const stop = new AbortController();
const stopped = await train({ ...options, backend: 'webgpu', signal: stop.signal, onStep: () => stop.abort() });
if (stopped.test !== null || stopped.run.config.status !== 'interrupted') throw new Error('it was not stopped');
const steps: number[] = [];
const { test } = await resumeTraining({ name: options.name, onStep: ({ step }) => void steps.push(step) });
if (steps[0] !== 2) throw new Error(`it went on with step ${steps[0]}`);
console.log(JSON.stringify(test));
