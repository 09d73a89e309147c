/**
 * One step of Adam in place, and of the running average of the values; each vector has `count` floats.
 *
 * @param average 0 where there is none
 * @param rate and epsilon: with the corrections of the moments' beginning in them
 */
export function adamStep(
  values: usize,
  first: usize,
  second: usize,
  average: usize,
  gradient: usize,
  count: i32,
  rate: f32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  decay: f32,
): void {
  const averaged = average !== 0;
  const bytes = <usize>count * 4;
  const whole = bytes & ~15;
  const keep1 = f32x4.splat(beta1);
  const add1 = f32x4.splat(1 - beta1);
  const keep2 = f32x4.splat(beta2);
  const add2 = f32x4.splat(1 - beta2);
  const keepAverage = f32x4.splat(decay);
  const addAverage = f32x4.splat(1 - decay);
  for (let at: usize = 0; at < whole; at += 16) {
    const g = v128.load(gradient + at);
    const m = f32x4.add(f32x4.mul(keep1, v128.load(first + at)), f32x4.mul(add1, g));
    const v = f32x4.add(f32x4.mul(keep2, v128.load(second + at)), f32x4.mul(add2, f32x4.mul(g, g)));
    const step = f32x4.div(f32x4.mul(f32x4.splat(rate), m), f32x4.add(f32x4.sqrt(v), f32x4.splat(epsilon)));
    const value = f32x4.sub(v128.load(values + at), step);
    v128.store(first + at, m);
    v128.store(second + at, v);
    v128.store(values + at, value);
    if (averaged) v128.store(average + at, f32x4.add(f32x4.mul(keepAverage, v128.load(average + at)), f32x4.mul(addAverage, value)));
  }
  for (let at = whole; at < bytes; at += 4) {
    const g = load<f32>(gradient + at);
    const m = beta1 * load<f32>(first + at) + (1 - beta1) * g;
    const v = beta2 * load<f32>(second + at) + (1 - beta2) * (g * g);
    const value = load<f32>(values + at) - (rate * m) / (sqrt<f32>(v) + epsilon);
    store<f32>(first + at, m);
    store<f32>(second + at, v);
    store<f32>(values + at, value);
    if (averaged) store<f32>(average + at, decay * load<f32>(average + at) + (1 - decay) * value);
  }
}
