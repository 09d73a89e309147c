/*
 * Decodes one JPEG after the other with libjpeg-turbo, row by row, at M/8 of its size.
 *
 * The host calls reserve() and writes the file to the returned address, then calls start(), rows() until it returns 0, and finish(). If
 * libjpeg-turbo cannot decode the file, it calls fail(). The host provides fail(), which throws through the frames of this module, so the
 * host resets __stack_pointer before the next image. reserve() resets the heap, so no image leaves anything to the next one.
 */
#include <stdio.h>
#include <string.h>
#define JPEG_INTERNALS
#include "jinclude.h"
#include "jpeglib.h"
#include "jerror.h"
#include "jmemsys.h"

#define ROWS 16
#define EXPORT(name) __attribute__((export_name(name)))

/* Codes in addition to libjpeg-turbo's own (jerror.h). */
enum { NO_MEMORY = 1001, TOO_MANY_SCANS = 1002, TOO_MANY_COEFFICIENTS = 1003 };

__attribute__((import_module("env"), import_name("fail"), noreturn)) extern void fail(int code);

/* ---- Memory: a stack that only grows, and is empty again for the next image. ---- */

extern unsigned char __heap_base;
static unsigned char *top;

static void *take(size_t bytes)
{
  unsigned char *at = top;
  size_t end = (size_t)at + ((bytes + 15) & ~(size_t)15);
  size_t have = __builtin_wasm_memory_size(0) << 16;

  if (end < (size_t)at) fail(NO_MEMORY);
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) >> 16) == (size_t)-1) fail(NO_MEMORY);
  top = (unsigned char *)end;
  return at;
}

/* The functions that libjpeg-turbo needs from its system (jmemsys.h). */
void *jpeg_get_small(j_common_ptr common, size_t bytes) { return take(bytes); }
void *jpeg_get_large(j_common_ptr common, size_t bytes) { return take(bytes); }
void jpeg_free_small(j_common_ptr common, void *at, size_t bytes) {}
void jpeg_free_large(j_common_ptr common, void *at, size_t bytes) {}
long jpeg_mem_init(j_common_ptr common) { return 0; }
void jpeg_mem_term(j_common_ptr common) {}
void jpeg_open_backing_store(j_common_ptr common, backing_store_ptr store, long bytes) { fail(NO_MEMORY); }

static size_t most_coefficient_bytes;

/* Called once, before the coefficients of an image with several scans are allocated. */
size_t jpeg_mem_available(j_common_ptr common, size_t least, size_t all, size_t taken)
{
  if (all > most_coefficient_bytes) fail(TOO_MANY_COEFFICIENTS);
  return all;
}

/* ---- Messages ---- */

static struct jpeg_decompress_struct jpeg;
static struct jpeg_error_mgr errors;
static int first_guess;

static void on_error(j_common_ptr common) { fail(common->err->msg_code); }

/* Remembers the first warning that may affect pixels. */
static void on_message(j_common_ptr common, int level)
{
  int code = common->err->msg_code;

  if (level >= 0) return;
  /* No pixel depends on the revision of JFIF, nor on bytes between the last scan's end and the end marker. */
  if (code == JWRN_JFIF_MAJOR) return;
  if (code == JWRN_EXTRANEOUS_DATA && common->err->msg_parm.i[1] == JPEG_EOI) return;
  if (first_guess == 0) first_guess = code;
}

static void no_output(j_common_ptr common) {}
static void no_text(j_common_ptr common, char *buffer) { *buffer = 0; }
static void reset_errors(j_common_ptr common) { common->err->msg_code = 0; }

/* ---- Input: the whole file is in memory. ---- */

static struct jpeg_source_mgr source;
static unsigned char *file;
static const JOCTET end_marker[2] = { 0xFF, JPEG_EOI };

static void nothing(j_decompress_ptr decoder) {}

/* A file that ends too early gets an end marker, and a warning. */
static boolean fill(j_decompress_ptr decoder)
{
  WARNMS(decoder, JWRN_JPEG_EOF);
  source.next_input_byte = end_marker;
  source.bytes_in_buffer = sizeof end_marker;
  return TRUE;
}

static void skip(j_decompress_ptr decoder, long bytes)
{
  if (bytes <= 0) return;
  if ((size_t)bytes > source.bytes_in_buffer) {
    fill(decoder);
    return;
  }
  source.next_input_byte += bytes;
  source.bytes_in_buffer -= (size_t)bytes;
}

/* ---- Scans: no more than the host has counted, which bounds the work. ---- */

static struct jpeg_progress_mgr progress;
static int most_scans;

static void on_progress(j_common_ptr common)
{
  if (((j_decompress_ptr)common)->input_scan_number > most_scans) fail(TOO_MANY_SCANS);
}

/* ---- The interface ---- */

/* Frees the previous image. Returns the address to which the host writes the file. */
EXPORT("reserve") unsigned char *reserve(size_t bytes)
{
  top = (unsigned char *)(((size_t)&__heap_base + 15) & ~(size_t)15);
  file = take(bytes);
  return file;
}

static JSAMPROW row_starts[ROWS];

/*
 * Reads the file's header and starts to decode. The output has eighths / 8 of the sides, rounded up, in the image's own channels: grey
 * or RGB. Refuses an image of several scans if its coefficients take more than coefficient_bytes or if it has more scans than `scans`.
 *
 * Returns the address to which rows() writes.
 */
EXPORT("start") JSAMPLE *start(size_t bytes, int eighths, int scans, size_t coefficient_bytes)
{
  JSAMPLE *output;
  size_t row_bytes;
  int i;

  memset(&errors, 0, sizeof errors);
  errors.error_exit = on_error;
  errors.emit_message = on_message;
  errors.output_message = no_output;
  errors.format_message = no_text;
  errors.reset_error_mgr = reset_errors;
  first_guess = 0;

  memset(&source, 0, sizeof source);
  source.next_input_byte = file;
  source.bytes_in_buffer = bytes;
  source.init_source = nothing;
  source.fill_input_buffer = fill;
  source.skip_input_data = skip;
  source.resync_to_restart = jpeg_resync_to_restart;
  source.term_source = nothing;

  memset(&progress, 0, sizeof progress);
  progress.progress_monitor = on_progress;
  most_scans = scans;
  most_coefficient_bytes = coefficient_bytes;

  memset(&jpeg, 0, sizeof jpeg);
  jpeg.err = &errors;
  jpeg_create_decompress(&jpeg);
  jpeg.src = &source;
  jpeg.progress = &progress;
  jpeg_read_header(&jpeg, TRUE);

  jpeg.scale_num = (unsigned int)eighths;
  jpeg.scale_denom = 8;
  jpeg.out_color_space = jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg.dct_method = JDCT_ISLOW;
  jpeg.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&jpeg);

  row_bytes = (size_t)jpeg.output_width * (size_t)jpeg.output_components;
  output = take(row_bytes * ROWS);
  for (i = 0; i < ROWS; i++) row_starts[i] = output + row_bytes * (size_t)i;
  return output;
}

EXPORT("width") int width(void) { return (int)jpeg.output_width; }
EXPORT("height") int height(void) { return (int)jpeg.output_height; }
EXPORT("channels") int channels(void) { return jpeg.output_components; }

/* Decodes the next rows. Returns their number: ROWS, fewer at the end, 0 after it. */
EXPORT("rows") int rows(void)
{
  int done = 0;

  while (done < ROWS && jpeg.output_scanline < jpeg.output_height)
    done += (int)jpeg_read_scanlines(&jpeg, row_starts + done, (JDIMENSION)(ROWS - done));
  return done;
}

/* Reads up to the end marker. Returns the number of bytes behind it. */
EXPORT("finish") int finish(void)
{
  jpeg_finish_decompress(&jpeg);
  return (int)source.bytes_in_buffer;
}

/* Returns the code of the first warning after which libjpeg-turbo guesses pixels, or 0. */
EXPORT("guess") int guess(void) { return first_guess; }
