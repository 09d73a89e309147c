/** Geometry of a 2-D convolution, NHWC; the names of tfjs's `Conv2DInfo`. */
export interface Geometry {
  inHeight: number;
  inWidth: number;
  inChannels: number;
  outHeight: number;
  outWidth: number;
  filterHeight: number;
  filterWidth: number;
  strideHeight: number;
  strideWidth: number;
  dilationHeight: number;
  dilationWidth: number;
  padInfo: { top: number; left: number };
}

/**
 * im2col, transposed: row (fh, fw, ci) of the result holds, for each image and output position, the input value that this
 * filter tap meets there, 0 in the padding. So `patches · dy` is the filter's gradient in the filter's own layout.
 *
 * @param x values of `count` images from `first` on, [*, inHeight, inWidth, inChannels]
 * @param patches written: [filterHeight * filterWidth * inChannels, count * outHeight * outWidth]
 */
export function gatherPatches(x: Float32Array, first: number, count: number, g: Geometry, patches: Float32Array): void {
  const imageSize = g.inHeight * g.inWidth * g.inChannels;
  const positions = g.outHeight * g.outWidth;
  const rowLength = count * positions;
  const step = g.strideWidth * g.inChannels;
  // Image by image, so that what is read again for each tap is still in the cache.
  for (let image = 0; image < count; image++) {
    const source = (first + image) * imageSize;
    let row = image * positions;
    for (let fh = 0; fh < g.filterHeight; fh++) {
      for (let fw = 0; fw < g.filterWidth; fw++) {
        const shift = fw * g.dilationWidth - g.padInfo.left;
        const [from, until] = columnsInside(shift, g);
        for (let ci = 0; ci < g.inChannels; ci++, row += rowLength) {
          let to = row;
          for (let oh = 0; oh < g.outHeight; oh++) {
            const ih = oh * g.strideHeight + fh * g.dilationHeight - g.padInfo.top;
            const inside = ih >= 0 && ih < g.inHeight;
            let at = source + (ih * g.inWidth + shift + from * g.strideWidth) * g.inChannels + ci;
            for (let ow = 0; ow < g.outWidth; ow++, to++) {
              if (!inside || ow < from || ow >= until) patches[to] = 0;
              else {
                patches[to] = x[at] as number;
                at += step;
              }
            }
          }
        }
      }
    }
  }
}

/**
 * col2im: adds each patch back to where it was taken from. With patches = dy · filter^T this is the gradient of a
 * convolution's input, and the forward pass of a transposed convolution.
 *
 * @param patches [count * outHeight * outWidth, filterHeight * filterWidth * inChannels]
 * @param dx added to (so zero it first): images `first` to `first + count` of [*, inHeight, inWidth, inChannels]
 */
export function scatterPatches(patches: Float32Array, first: number, count: number, g: Geometry, dx: Float32Array): void {
  const imageSize = g.inHeight * g.inWidth * g.inChannels;
  const patchSize = g.filterHeight * g.filterWidth * g.inChannels;
  let patch = 0;
  for (let image = first; image < first + count; image++) {
    for (let oh = 0; oh < g.outHeight; oh++) {
      for (let ow = 0; ow < g.outWidth; ow++, patch += patchSize) {
        let from = patch;
        for (let fh = 0; fh < g.filterHeight; fh++) {
          const ih = oh * g.strideHeight + fh * g.dilationHeight - g.padInfo.top;
          if (ih < 0 || ih >= g.inHeight) {
            from += g.filterWidth * g.inChannels;
            continue;
          }
          for (let fw = 0; fw < g.filterWidth; fw++, from += g.inChannels) {
            const iw = ow * g.strideWidth + fw * g.dilationWidth - g.padInfo.left;
            if (iw < 0 || iw >= g.inWidth) continue;
            const to = image * imageSize + (ih * g.inWidth + iw) * g.inChannels;
            for (let ci = 0; ci < g.inChannels; ci++) dx[to + ci] = (dx[to + ci] as number) + (patches[from + ci] as number);
          }
        }
      }
    }
  }
}

/** The output columns [from, until) whose input column, shifted by `shift`, lies inside the image. */
function columnsInside(shift: number, g: Geometry): [number, number] {
  const from = Math.max(0, Math.ceil(-shift / g.strideWidth));
  const until = Math.min(g.outWidth, Math.floor((g.inWidth - 1 - shift) / g.strideWidth) + 1);
  return [Math.min(from, g.outWidth), Math.max(until, 0)];
}

/** How many images to treat at once, so that their patches stay within 16 MB. */
export function imagesAtOnce(g: Geometry, batch: number): number {
  const floatsPerImage = g.outHeight * g.outWidth * g.filterHeight * g.filterWidth * g.inChannels;
  return Math.max(1, Math.min(batch, Math.floor((4 * 1024 * 1024) / floatsPerImage)));
}
