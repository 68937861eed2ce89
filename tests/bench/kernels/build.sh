#!/bin/sh
# Rebuilds the guest kernels. Needs Debian's gcc-riscv64-linux-gnu, and gcc on x86-64. The host's own build is made by
# bench_kernels.py when it runs.
set -eu
cd "$(dirname "$0")"
# -fno-tree-vectorize: the guests here have no vectors, and neither may the host's build use any
riscv64-linux-gnu-gcc -DGUEST -O2 -march=rv64gc -mabi=lp64d -mcmodel=medany -ffreestanding -nostdlib \
    -static -fno-pic -no-pie -fno-stack-protector -fno-tree-loop-distribute-patterns \
    -fno-tree-vectorize -ffp-contract=off -fno-asynchronous-unwind-tables -Wall -Wextra -Werror \
    -Wl,-e,finish -Wl,--build-id=none -Wl,-Ttext-segment=0x10000 -Wl,-z,max-page-size=4096 \
    -Wl,--no-relax -o kernels.riscv64.elf kernels.c
riscv64-linux-gnu-strip --strip-debug -K finish kernels.riscv64.elf
gcc -DGUEST -O2 -ffp-contract=off -ffreestanding -nostdlib -static -fno-pic -no-pie \
    -fno-stack-protector -fno-tree-loop-distribute-patterns -fno-tree-vectorize -fcf-protection=none \
    -fno-asynchronous-unwind-tables -Wall -Wextra -Werror -Wl,-e,finish -Wl,--build-id=none \
    -Wl,-Ttext-segment=0x10000 -Wl,-z,max-page-size=4096 -o kernels.x86_64.elf kernels.c
strip --strip-debug -K finish kernels.x86_64.elf
