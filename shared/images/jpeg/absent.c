/*
 * Replaces the parts of libjpeg-turbo that are left out, because decoding 8-bit images without a palette never reaches them: 12 and 16
 * bits, lossless JPEG, colour quantization, merged upsampling.
 */
#define JPEG_INTERNALS
#include <stdio.h>
#include "jinclude.h"
#include "jpeglib.h"
#include "jerror.h"

#define ABSENT(name) void name(j_decompress_ptr d) { ERREXIT(d, JERR_NOT_COMPILED); }
#define ABSENT_CONTROLLER(name) void name(j_decompress_ptr d, boolean full) { ERREXIT(d, JERR_NOT_COMPILED); }

ABSENT(jinit_1pass_quantizer)
ABSENT(jinit_2pass_quantizer)
ABSENT(jinit_merged_upsampler)
ABSENT(jinit_lhuff_decoder)
ABSENT(jinit_lossless_decompressor)
ABSENT_CONTROLLER(jinit_d_diff_controller)

ABSENT(j12init_1pass_quantizer)
ABSENT(j12init_2pass_quantizer)
ABSENT(j12init_merged_upsampler)
ABSENT(j12init_color_deconverter)
ABSENT(j12init_upsampler)
ABSENT(j12init_inverse_dct)
ABSENT(j12init_lossless_decompressor)
ABSENT_CONTROLLER(j12init_d_coef_controller)
ABSENT_CONTROLLER(j12init_d_diff_controller)
ABSENT_CONTROLLER(j12init_d_main_controller)
ABSENT_CONTROLLER(j12init_d_post_controller)

ABSENT(j16init_color_deconverter)
ABSENT(j16init_upsampler)
ABSENT(j16init_lossless_decompressor)
ABSENT_CONTROLLER(j16init_d_diff_controller)
ABSENT_CONTROLLER(j16init_d_main_controller)
ABSENT_CONTROLLER(j16init_d_post_controller)
