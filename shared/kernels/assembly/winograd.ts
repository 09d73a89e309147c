/**
 * The transforms around a convolution of 4x4 with stride 2 by Winograd's F(2x2, 2x2). Two rows by two columns of pixels are taken as
 * one pixel of four times the channels, on which the filter is 2x2 with stride 1. A tile is 2x2 results. In one dimension
 *
 *   y0 = d0 w0 + d1 w1,  y1 = d1 w0 + d2 w1  are  m0 = (d0 - d1) w0,  m1 = d1 (w0 + w1),  m2 = (d2 - d1) w1,  y0 = m0 + m1,  y1 = m1 + m2
 *
 * so three products replace four and, in two dimensions, nine replace sixteen. The values that belong to one m are called a part;
 * part (i, j) has the number 3 i + j. The gradients of filter and input are the same sums read the other way, so each transform has
 * its transpose here.
 */

/**
 * Writes the parts of the input: 3x3 joined pixels of each tile, transformed.
 *
 * @param x the first tile's first pixel, in images that are padded already; `rowStep` bytes a row
 * @param channels of x, even
 * @param parts [9, ..., 4 channels], `partStep` bytes apart; `count` tiles are written, which lie side by side
 */
export function inputTiles(x: usize, rowStep: usize, channels: i32, count: i32, parts: usize, partStep: usize): void {
  const half = <usize>channels * 8; // bytes of two pixels side by side, which are half of a joined one
  for (let t = 0; t < count; t++, x += 2 * half, parts += 2 * half) {
    for (let p: usize = 0; p < 2; p++) {
      for (let c: usize = 0; c < half; c += 16) {
        const from = x + p * rowStep + c;
        const to = parts + p * half + c;
        const middle = from + 2 * rowStep;
        const last = from + 4 * rowStep;
        let d0 = v128.load(from);
        let d1 = v128.load(from + half);
        let d2 = v128.load(from + 2 * half);
        const e0 = v128.load(middle);
        const e1 = v128.load(middle + half);
        const e2 = v128.load(middle + 2 * half);
        d0 = f32x4.sub(d0, e0);
        d1 = f32x4.sub(d1, e1);
        d2 = f32x4.sub(d2, e2);
        storeInputParts(d0, d1, d2, to, partStep);
        storeInputParts(e0, e1, e2, to + 3 * partStep, partStep);
        d0 = f32x4.sub(v128.load(last), e0);
        d1 = f32x4.sub(v128.load(last + half), e1);
        d2 = f32x4.sub(v128.load(last + 2 * half), e2);
        storeInputParts(d0, d1, d2, to + 6 * partStep, partStep);
      }
    }
  }
}

function storeInputParts(d0: v128, d1: v128, d2: v128, to: usize, step: usize): void {
  v128.store(to, f32x4.sub(d0, d1));
  v128.store(to + step, d1);
  v128.store(to + 2 * step, f32x4.sub(d2, d1));
}

/** Transposes `inputTiles`: adds the parts' gradients to those of the padded images. */
export function addInputGradients(parts: usize, partStep: usize, channels: i32, count: i32, dx: usize, rowStep: usize): void {
  const half = <usize>channels * 8;
  for (let t = 0; t < count; t++, dx += 2 * half, parts += 2 * half) {
    for (let p: usize = 0; p < 2; p++) {
      for (let c: usize = 0; c < half; c += 16) {
        const to = dx + p * rowStep + c;
        for (let j: usize = 0; j < 3; j++) {
          // Along rows first: column j of the nine parts, three of which lie below each other.
          const top = columnGradient(parts + p * half + c, partStep, j);
          const middle = columnGradient(parts + p * half + c + 3 * partStep, partStep, j);
          const bottom = columnGradient(parts + p * half + c + 6 * partStep, partStep, j);
          const at = to + j * half;
          v128.store(at, f32x4.add(v128.load(at), top));
          const below = at + 2 * rowStep;
          v128.store(below, f32x4.add(v128.load(below), f32x4.sub(f32x4.sub(middle, top), bottom)));
          const last = at + 4 * rowStep;
          v128.store(last, f32x4.add(v128.load(last), bottom));
        }
      }
    }
  }
}

function columnGradient(from: usize, step: usize, j: usize): v128 {
  if (j === 0) return v128.load(from);
  if (j === 2) return v128.load(from + 2 * step);
  return f32x4.sub(f32x4.sub(v128.load(from + step), v128.load(from)), v128.load(from + 2 * step));
}

/**
 * Writes the results from their parts' products: 2x2 pixels a tile.
 *
 * @param parts [9, ..., channels], `partStep` bytes apart
 * @param y the first tile's first pixel; `channels` a multiple of 4
 */
export function outputTiles(parts: usize, partStep: usize, channels: i32, count: i32, y: usize, rowStep: usize): void {
  const pixel = <usize>channels * 4;
  for (let t = 0; t < count; t++, y += 2 * pixel, parts += pixel) {
    for (let c: usize = 0; c < pixel; c += 16) {
      const from = parts + c;
      const a0 = f32x4.add(v128.load(from), v128.load(from + 3 * partStep));
      const a1 = f32x4.add(v128.load(from + partStep), v128.load(from + 4 * partStep));
      const a2 = f32x4.add(v128.load(from + 2 * partStep), v128.load(from + 5 * partStep));
      v128.store(y + c, f32x4.add(a0, a1));
      v128.store(y + c + pixel, f32x4.add(a1, a2));
      const b0 = f32x4.add(v128.load(from + 3 * partStep), v128.load(from + 6 * partStep));
      const b1 = f32x4.add(v128.load(from + 4 * partStep), v128.load(from + 7 * partStep));
      const b2 = f32x4.add(v128.load(from + 5 * partStep), v128.load(from + 8 * partStep));
      v128.store(y + c + rowStep, f32x4.add(b0, b1));
      v128.store(y + c + rowStep + pixel, f32x4.add(b1, b2));
    }
  }
}

/** Transposes `outputTiles`: writes the parts of the results' gradients. */
export function gradientTiles(dy: usize, rowStep: usize, channels: i32, count: i32, parts: usize, partStep: usize): void {
  const pixel = <usize>channels * 4;
  for (let t = 0; t < count; t++, dy += 2 * pixel, parts += pixel) {
    for (let c: usize = 0; c < pixel; c += 16) {
      const to = parts + c;
      const d0 = v128.load(dy + c);
      const d1 = v128.load(dy + c + pixel);
      const e0 = v128.load(dy + c + rowStep);
      const e1 = v128.load(dy + c + rowStep + pixel);
      storeGradientParts(d0, d1, to, partStep);
      storeGradientParts(f32x4.add(d0, e0), f32x4.add(d1, e1), to + 3 * partStep, partStep);
      storeGradientParts(e0, e1, to + 6 * partStep, partStep);
    }
  }
}

function storeGradientParts(d0: v128, d1: v128, to: usize, step: usize): void {
  v128.store(to, d0);
  v128.store(to + step, f32x4.add(d0, d1));
  v128.store(to + 2 * step, d1);
}

/**
 * Writes the parts of a filter. A filter [4, 4, cin, cout] has 2x2 taps for the joined pixels, whose channels are
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
        storeFilterParts(w00, w01, to + at, partStep);
        storeFilterParts(w00 + w10, w01 + w11, to + at + 3 * partStep, partStep);
        storeFilterParts(w10, w11, to + at + 6 * partStep, partStep);
      }
    }
  }
}

function storeFilterParts(w0: f32, w1: f32, to: usize, step: usize): void {
  store<f32>(to, w0);
  store<f32>(to + step, w0 + w1);
  store<f32>(to + 2 * step, w1);
}

/** Transposes `filterParts`: writes the filter's gradient from its parts'. */
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
