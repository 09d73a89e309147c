/**
 * The transforms around a convolution 4x4 of stride 2 by Winograd's F(2x2, 2x2). Two rows by two columns of pixels are taken for
 * one pixel of four times the channels, on which the filter is 2x2 with stride 1. A tile is 2x2 results; in one dimension
 *
 *   y0 = d0 w0 + d1 w1,  y1 = d1 w0 + d2 w1  are  m0 = (d0 - d1) w0,  m1 = d1 (w0 + w1),  m2 = (d2 - d1) w1,  y0 = m0 + m1,  y1 = m1 + m2
 *
 * so three products do for four, and nine for sixteen in two. What belongs to m is called a part; part (i, j) has the number 3 i + j.
 * The gradients of filter and input are the same sums read the other way, so each transform is here with its transpose.
 */

/**
 * Parts of the input: 3x3 joined pixels of each tile, transformed.
 *
 * @param x the first tile's first pixel, in images that are padded already; `rowStep` bytes a row
 * @param channels of x, even
 * @param parts [9, ..., 4 channels], `partStep` bytes apart; `count` tiles written, which lie side by side
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
        threeInputParts(d0, d1, d2, to, partStep);
        threeInputParts(e0, e1, e2, to + 3 * partStep, partStep);
        d0 = f32x4.sub(v128.load(last), e0);
        d1 = f32x4.sub(v128.load(last + half), e1);
        d2 = f32x4.sub(v128.load(last + 2 * half), e2);
        threeInputParts(d0, d1, d2, to + 6 * partStep, partStep);
      }
    }
  }
}

function threeInputParts(d0: v128, d1: v128, d2: v128, to: usize, step: usize): void {
  v128.store(to, f32x4.sub(d0, d1));
  v128.store(to + step, d1);
  v128.store(to + 2 * step, f32x4.sub(d2, d1));
}

/** The transpose of `inputTiles`: adds the parts' slopes to those of the padded images. */
export function addInputSlopes(parts: usize, partStep: usize, channels: i32, count: i32, dx: usize, rowStep: usize): void {
  const half = <usize>channels * 8;
  for (let t = 0; t < count; t++, dx += 2 * half, parts += 2 * half) {
    for (let p: usize = 0; p < 2; p++) {
      for (let c: usize = 0; c < half; c += 16) {
        const to = dx + p * rowStep + c;
        for (let j: usize = 0; j < 3; j++) {
          // Along rows first: column j of the nine parts, three of them below each other.
          const top = columnSlope(parts + p * half + c, partStep, j);
          const middle = columnSlope(parts + p * half + c + 3 * partStep, partStep, j);
          const bottom = columnSlope(parts + p * half + c + 6 * partStep, partStep, j);
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

function columnSlope(from: usize, step: usize, j: usize): v128 {
  if (j === 0) return v128.load(from);
  if (j === 2) return v128.load(from + 2 * step);
  return f32x4.sub(f32x4.sub(v128.load(from + step), v128.load(from)), v128.load(from + 2 * step));
}

/**
 * Results from their parts' products: 2x2 pixels a tile.
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

/** The transpose of `outputTiles`: the parts of the results' slopes. */
export function slopeTiles(dy: usize, rowStep: usize, channels: i32, count: i32, parts: usize, partStep: usize): void {
  const pixel = <usize>channels * 4;
  for (let t = 0; t < count; t++, dy += 2 * pixel, parts += pixel) {
    for (let c: usize = 0; c < pixel; c += 16) {
      const to = parts + c;
      const d0 = v128.load(dy + c);
      const d1 = v128.load(dy + c + pixel);
      const e0 = v128.load(dy + c + rowStep);
      const e1 = v128.load(dy + c + rowStep + pixel);
      threeSlopeParts(d0, d1, to, partStep);
      threeSlopeParts(f32x4.add(d0, e0), f32x4.add(d1, e1), to + 3 * partStep, partStep);
      threeSlopeParts(e0, e1, to + 6 * partStep, partStep);
    }
  }
}

function threeSlopeParts(d0: v128, d1: v128, to: usize, step: usize): void {
  v128.store(to, d0);
  v128.store(to + step, f32x4.add(d0, d1));
  v128.store(to + 2 * step, d1);
}
