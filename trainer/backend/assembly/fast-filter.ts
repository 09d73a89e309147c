/**
 * The filter's side of fast-tiles.ts. A filter [4, 4, cin, cout] has 2x2 taps for the joined pixels, whose channels are
 * (row p, column q, ci): tap (t, u), channel (p, q, ci) is filter[2 t + p, 2 u + q, ci].
 *
 * @param parts [9, 4 cin, cout]
 */
export function filterParts(filter: usize, cin: i32, cout: i32, parts: usize): void {
  const tap: usize = <usize>(cin * cout) * 4;
  const partStep = tap * 4;
  for (let p: usize = 0; p < 2; p++) {
    for (let q: usize = 0; q < 2; q++) {
      const from = filter + (4 * p + q) * tap;
      const to = parts + (2 * p + q) * tap;
      for (let at: usize = 0; at < tap; at += 4) {
        const w00 = load<f32>(from + at);
        const w01 = load<f32>(from + at + 2 * tap);
        const w10 = load<f32>(from + at + 8 * tap);
        const w11 = load<f32>(from + at + 10 * tap);
        three(w00, w01, to + at, partStep);
        three(w00 + w10, w01 + w11, to + at + 3 * partStep, partStep);
        three(w10, w11, to + at + 6 * partStep, partStep);
      }
    }
  }
}

function three(w0: f32, w1: f32, to: usize, step: usize): void {
  store<f32>(to, w0);
  store<f32>(to + step, w0 + w1);
  store<f32>(to + 2 * step, w1);
}

/** The transpose of it: the filter's gradient from its parts'. */
export function filterGradient(parts: usize, cin: i32, cout: i32, filter: usize): void {
  const tap: usize = <usize>(cin * cout) * 4;
  const partStep = tap * 4;
  for (let p: usize = 0; p < 2; p++) {
    for (let q: usize = 0; q < 2; q++) {
      const from = parts + (2 * p + q) * tap;
      const to = filter + (4 * p + q) * tap;
      for (let at: usize = 0; at < tap; at += 4) {
        const top = from + at;
        const middle = top + 3 * partStep;
        const bottom = top + 6 * partStep;
        store<f32>(to + at, left(top, partStep) + left(middle, partStep));
        store<f32>(to + at + 2 * tap, right(top, partStep) + right(middle, partStep));
        store<f32>(to + at + 8 * tap, left(middle, partStep) + left(bottom, partStep));
        store<f32>(to + at + 10 * tap, right(middle, partStep) + right(bottom, partStep));
      }
    }
  }
}

function left(from: usize, step: usize): f32 {
  return load<f32>(from) + load<f32>(from + step);
}

function right(from: usize, step: usize): f32 {
  return load<f32>(from + step) + load<f32>(from + 2 * step);
}
