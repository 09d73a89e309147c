#!/bin/sh
# Rebuilds libjpeg-turbo.wasm and checks that it equals the committed file, byte for byte. Needs cargo and Python 3 with venv, which only
# fetch: libjpeg-turbo's sources come in a crate, the compiler (clang, in zig) in a Python package.
#
#   ./build.sh          builds a second file and compares it with the committed one
#   ./build.sh --write  replaces the committed file; then put its SHA-256 below
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../../../node_modules/.cache/libjpeg-turbo
sources_sha256=e88997ee0f19187a4027acdcef869c78b28ced4b0bf85af3c9dbd33c6f57c404
wasm_sha256=4b7e8464dfaea540c9926a6aebb83bb40107f1ba2ea1d2cba3566b27534821ef
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
turbojpeg-sys = { version = "=1.2.0", default-features = false }
TOML
: >fetch/src/lib.rs
if [ ! -d fetch/vendor/turbojpeg-sys ]; then (cd fetch && cargo vendor --quiet >/dev/null); fi
src=fetch/vendor/turbojpeg-sys/libjpeg-turbo/src
found=$(cd "$src" && for file in *.c *.h *.in; do cat "$file"; done | sha256sum | cut -d' ' -f1)
if [ "$found" != "$sources_sha256" ]; then
  echo "The sources of libjpeg-turbo have the SHA-256 $found; $sources_sha256 is needed. Remove $cache and start again." >&2
  exit 1
fi

mkdir -p include
sed 's/@COPYRIGHT_YEAR@/1991-2024/' "$src/jversion.h.in" >include/jversion.h
parts=
for part in jcomapi jdapimin jdapistd jdcoefct jdcolor jddctmgr jdhuff jdinput jdmainct jdmarker jdmaster jdphuff jdpostct jdsample \
  jidctfst jidctflt jidctint jidctred jmemmgr jutils; do
  parts="$parts $src/$part.c"
done
# shellcheck disable=SC2086
venv/bin/python -m ziglang cc -target wasm32-wasi -mexec-model=reactor -std=gnu99 -O3 -msimd128 -mbulk-memory -DNDEBUG -DNO_GETENV \
  -DNO_PUTENV -ffunction-sections -fdata-sections -fno-sanitize=undefined -Wl,--no-entry -Wl,--export=__stack_pointer -Wl,--gc-sections \
  -Wl,--strip-all -Wl,-z,stack-size=65536 -I"$here" -Iinclude -I"$src" "$here/decode.c" "$here/absent.c" $parts -o built.wasm
chmod 644 built.wasm
found=$(sha256sum built.wasm | cut -d' ' -f1)
if [ "${1-}" = --write ]; then
  cp built.wasm "$here/libjpeg-turbo.wasm"
  echo "libjpeg-turbo.wasm is written; its SHA-256 is $found"
elif [ "$found" = "$wasm_sha256" ] && cmp built.wasm "$here/libjpeg-turbo.wasm"; then
  echo "The build equals the committed libjpeg-turbo.wasm, SHA-256 $found"
else
  echo "The build differs from the committed libjpeg-turbo.wasm: its SHA-256 is $found, $wasm_sha256 is needed." >&2
  exit 1
fi
