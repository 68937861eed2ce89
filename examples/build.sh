#!/bin/sh
# Rebuilds the example programs. Needs Debian's cross compilers: apt-get install gcc-riscv64-linux-gnu
# The ELF files are committed so that nobody needs a compiler to try the engine.
set -eu
cd "$(dirname "$0")"
flags="-O2 -static -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fno-pic -no-pie
       -fno-tree-loop-distribute-patterns -fno-asynchronous-unwind-tables
       -Wall -Wextra -Werror -Wl,--build-id=none -Wl,-z,max-page-size=4096 -s"
build() { # directory compiler flags...
    dir=$1 cc=$2
    shift 2
    mkdir -p "$dir"
    for source in src/*.c; do
        # shellcheck disable=SC2086
        "$cc" $flags "$@" -o "$dir/$(basename "$source" .c)" "$source"
    done
}
build riscv64 riscv64-linux-gnu-gcc -march=rv64gc -mabi=lp64d
