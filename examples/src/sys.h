/* What the example programs need of a system: entry, system calls, a little output.
 * Freestanding: no libc inside, so the ELF files stay a few KiB and run anywhere the
 * Linux system-call interface does. One section per architecture. */
#ifndef EXAMPLES_SYS_H
#define EXAMPLES_SYS_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long size_t;

#if defined(__riscv) && __riscv_xlen == 64
/* Linux/RISC-V: number in a7, arguments in a0..a5, answer in a0. */
#define SYS_openat 56
#define SYS_close 57
#define SYS_read 63
#define SYS_write 64
#define SYS_exit_group 94
static inline long syscall4(long n, long a, long b, long c, long d)
{
    register long a7 __asm__("a7") = n;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
    return a0;
}
__asm__(".globl _start\n_start:\n"
        ".option push\n.option norelax\nlla gp, __global_pointer$\n.option pop\n"
        "mv a0, sp\nandi sp, sp, -16\ncall start_c\n");
#else
#error "no system-call section for this architecture"
#endif

#define AT_FDCWD (-100)

int main(int argc, char **argv);

static inline void sys_exit(int status)
{
    for (;;)
        syscall4(SYS_exit_group, status, 0, 0, 0);
}

void start_c(long *sp)
{
    sys_exit(main((int)sp[0], (char **)(sp + 1)));
}

/* gcc may call these for structure copies and loops it recognises. */
void *memcpy(void *dst, const void *src, size_t n)
{
    u8 *d = dst;
    const u8 *s = src;
    while (n--)
        *d++ = *s++;
    return dst;
}

void *memset(void *dst, int value, size_t n)
{
    u8 *d = dst;
    while (n--)
        *d++ = (u8)value;
    return dst;
}

static inline size_t str_len(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

static inline void write_all(int fd, const char *p, size_t n)
{
    while (n) {
        long done = syscall4(SYS_write, fd, (long)p, (long)n, 0);
        if (done <= 0)
            sys_exit(3);
        p += done;
        n -= (size_t)done;
    }
}

static inline void put(int fd, const char *s)
{
    write_all(fd, s, str_len(s));
}

/* File of an argument; "-" is standard input. Negative: the error. */
static inline long open_arg(const char *name)
{
    if (name[0] == '-' && !name[1])
        return 0;
    return syscall4(SYS_openat, AT_FDCWD, (long)name, 0, 0);
}

static inline int complain(const char *program, const char *name)
{
    put(2, program);
    put(2, ": ");
    put(2, name);
    put(2, ": cannot be read\n");
    return 1;
}

#endif
