#!/bin/sh
# Rebuilds libwebp.wasm and checks that it equals the committed file, byte for byte. Needs cargo and Python 3 with venv, which only fetch:
# libwebp's sources come in a crate, the compiler (clang, in zig) in a Python package.
#
#   ./build.sh          builds a second file and compares it with the committed one
#   ./build.sh --write  replaces the committed file; then put its SHA-256 below
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../../../node_modules/.cache/libwebp
sources_sha256=dd888e60a5550a311be0175df9105af52996837609fe5dfc792bf2d84cb518d6
wasm_sha256=a5192f99904d6d7f4e4e84ed1520375b1cbb6960559cb3c5a67b19d90ad0a590
mkdir -p "$cache/fetch/src"
cd "$cache"

if [ ! -x venv/bin/python ]; then python3 -m venv venv; fi
venv/bin/python -m pip install --quiet --disable-pip-version-check ziglang==0.17.1

cat >fetch/Cargo.toml <<'TOML'
[package]
name = "fetch"
version = "0.0.0"
edition = "2021"
[dependencies]
libwebp-sys = { version = "=0.14.4", default-features = false }
TOML
: >fetch/src/lib.rs
if [ ! -d fetch/vendor/libwebp-sys ]; then (cd fetch && cargo vendor --quiet >/dev/null); fi
src=fetch/vendor/libwebp-sys/vendor
found=$(cd "$src" && for file in src/*/*.c src/*/*.h; do cat "$file"; done | sha256sum | cut -d' ' -f1)
if [ "$found" != "$sources_sha256" ]; then
  echo "The sources of libwebp have the SHA-256 $found; $sources_sha256 is needed. Remove $cache and start again." >&2
  exit 1
fi

parts=
for part in dec/alpha_dec dec/buffer_dec dec/frame_dec dec/io_dec dec/quant_dec dec/tree_dec dec/vp8_dec dec/vp8l_dec dec/webp_dec \
  dsp/alpha_processing dsp/cpu dsp/dec dsp/dec_clip_tables dsp/filters dsp/lossless dsp/rescaler dsp/upsampling dsp/yuv \
  utils/bit_reader_utils utils/color_cache_utils utils/filters_utils utils/huffman_utils utils/palette utils/quant_levels_dec_utils \
  utils/random_utils utils/rescaler_utils utils/thread_utils utils/utils; do
  parts="$parts $src/src/$part.c"
done
# shellcheck disable=SC2086
venv/bin/python -m ziglang cc -target wasm32-wasi -mexec-model=reactor -std=gnu99 -O3 -msimd128 -mbulk-memory -DNDEBUG \
  -ffunction-sections -fdata-sections -fno-sanitize=undefined -Wl,--no-entry -Wl,--export=__stack_pointer -Wl,--gc-sections \
  -Wl,--strip-all -Wl,-z,stack-size=65536 -I"$src" "$here/decode.c" $parts -o built.wasm
chmod 644 built.wasm
found=$(sha256sum built.wasm | cut -d' ' -f1)
if [ "${1-}" = --write ]; then
  cp built.wasm "$here/libwebp.wasm"
  echo "libwebp.wasm is written; its SHA-256 is $found"
elif [ "$found" = "$wasm_sha256" ] && cmp built.wasm "$here/libwebp.wasm"; then
  echo "The build equals the committed libwebp.wasm, SHA-256 $found"
else
  echo "The build differs from the committed libwebp.wasm: its SHA-256 is $found, $wasm_sha256 is needed." >&2
  exit 1
fi
