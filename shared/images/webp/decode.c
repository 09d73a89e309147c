/*
 * Decodes one WebP after the other with libwebp, at M/8 of its size.
 *
 * The host calls reserve(), writes the image's chunks to the returned address (ALPH, if there is one, then "VP8 " or "VP8L"), and calls
 * decode(). reserve() resets the heap, so no image leaves anything to the next one.
 */
#include <string.h>
#include "src/webp/decode.h"

#define EXPORT(name) __attribute__((export_name(name)))

/* ---- Memory: a stack that only grows, and is empty again for the next image. ---- */

extern unsigned char __heap_base;
static unsigned char *top;
static unsigned char *limit;
static int is_full;

void *malloc(size_t bytes)
{
  unsigned char *at = top;
  size_t end = (size_t)at + ((bytes + 15) & ~(size_t)15);
  size_t have = __builtin_wasm_memory_size(0) << 16;

  if (end < (size_t)at || end > (size_t)limit || (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) >> 16) == (size_t)-1)) {
    is_full = 1;
    return NULL;
  }
  top = (unsigned char *)end;
  return at;
}

void *calloc(size_t count, size_t size)
{
  /* libwebp has checked that the product fits (WebPSafeCalloc). */
  void *at = malloc(count * size);
  if (at != NULL) memset(at, 0, count * size);
  return at;
}

/*
 * Blocks stay until the next image. libwebp allocates one for each Huffman code that it reads, so the bound on memory also bounds their
 * number: a file of 1.4 MB has 327,680 of them, which would take more than two seconds.
 */
void free(void *at) {}

/* ---- The interface ---- */

static unsigned char *file;

/* Frees the previous image. Returns the address to which the host writes the chunks; at most `heap` bytes more will be taken. */
EXPORT("reserve") unsigned char *reserve(size_t bytes, size_t heap)
{
  top = (unsigned char *)(((size_t)&__heap_base + 15) & ~(size_t)15);
  is_full = 0;
  limit = (unsigned char *)-1;
  file = malloc(bytes);
  limit = top + heap;
  return file;
}

/* Decodes to RGBA of that size. Returns the address of the pixels, or 0 if libwebp cannot decode them. */
EXPORT("decode") unsigned char *decode(size_t bytes, int width, int height)
{
  WebPDecoderConfig config;
  unsigned char *pixels;

  if (file == NULL || !WebPInitDecoderConfig(&config)) return NULL;
  if (WebPGetFeatures(file, bytes, &config.input) != VP8_STATUS_OK) return NULL;
  pixels = malloc((size_t)width * (size_t)height * 4);
  if (pixels == NULL) return NULL;
  config.output.colorspace = MODE_RGBA;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = pixels;
  config.output.u.RGBA.stride = 4 * width;
  config.output.u.RGBA.size = (size_t)width * (size_t)height * 4;
  if (width != config.input.width || height != config.input.height) {
    config.options.use_scaling = 1;
    config.options.scaled_width = width;
    config.options.scaled_height = height;
  }
  return WebPDecode(file, bytes, &config) == VP8_STATUS_OK ? pixels : NULL;
}

/* Says whether the image needed more memory than it may take. */
EXPORT("full") int full(void) { return is_full; }
