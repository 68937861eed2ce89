/* Runs single x86-64 and i386 instructions on this machine's own processor and reports the whole state.
 *
 * What lives here: the child process: load state, execute, save state, signals. What does not: which
 * instructions, the comparison (native.py and the tests). Who calls it: native.py compiles it with
 * gcc and talks to it: argv[1] is a file of records (struct Record, then argv[2] bytes of the image's
 * memory), a number n on stdin asks for the first n records to be run in place, "n\n" on stdout
 * answers. 32-bit code runs in the kernel's compatibility segment.
 *
 * A jump lands on an INT3 of the code page, or where nothing is mapped: that is no signal of the
 * instruction, and rip says where.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <ucontext.h>
#include <unistd.h>

/* native.py has the same layout as a numpy dtype. */
struct Record {
    uint8_t xsave[832];   /* standard XSAVE format (Intel SDM vol. 1, 13.4): x87, XMM, upper YMM;
                             at FSBASE, which it leaves to software: the bases of FS and GS */
    uint64_t gpr[16];     /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15 */
    uint64_t rflags;
    uint8_t code[16];
    uint8_t mem[128];
    uint32_t signal;      /* 0: ran to its end */
    uint32_t size;        /* bytes of code */
    uint64_t fault_addr;
    uint64_t rip;         /* relative to the first byte of the instruction */
    uint32_t trap, error;
    uint32_t bits, pad;   /* 32: compatibility mode */
};
_Static_assert(sizeof(struct Record) == 1152, "layout");

#define CUR 0x10000000UL      /* the record being run */
#define AUX 0x10001000UL      /* +0 host rsp, +8 far pointer to the code, +16, +24 host FS, GS bases */
#define FSBASE 464
#define CS64 0x33             /* Linux' selectors */
#define CS32 0x23
#define DATA 0x2b
#define MEM_PAGE 0x20000000UL /* one page, none after it; the window is its last 128 bytes */
#define MEM_WINDOW (MEM_PAGE + 0x1000 - 128)
#define IMAGE (MEM_PAGE + 0x400)
#define CODE_PAGE 0x30000000UL
#define CODE (CODE_PAGE + 0x800)

static struct Record *const cur = (struct Record *)CUR;

void engine_enter(void);
extern char engine_back[], engine_fault[];

/* CUR + 832: gpr; CUR + 960: rflags. */
__asm__(
    ".text\n.globl engine_enter\n.globl engine_back\n.globl engine_fault\n"
    "engine_enter:\n"
    "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "  mov %rsp, 0x10001000\n"
    "  rdfsbase %rax; mov %rax, 0x10001010; rdgsbase %rax; mov %rax, 0x10001018\n"
    "  mov $7, %eax; xor %edx, %edx\n"
    "  xrstor64 0x10000000\n"
    "  mov 0x100001d0, %rax; wrfsbase %rax; mov 0x100001d8, %rax; wrgsbase %rax\n"
    "  pushq 0x100003c0\n"
    "  mov 0x10000340, %rax; mov 0x10000348, %rcx; mov 0x10000350, %rdx; mov 0x10000358, %rbx\n"
    "  mov 0x10000368, %rbp; mov 0x10000370, %rsi; mov 0x10000378, %rdi; mov 0x10000380, %r8\n"
    "  mov 0x10000388, %r9; mov 0x10000390, %r10; mov 0x10000398, %r11; mov 0x100003a0, %r12\n"
    "  mov 0x100003a8, %r13; mov 0x100003b0, %r14; mov 0x100003b8, %r15\n"
    "  popfq\n"
    "  mov 0x10000360, %rsp\n"
    "  ljmp *0x10001008\n"
    "engine_back:\n"
    "  mov %rsp, 0x10000360\n"
    "  mov 0x10001000, %rsp\n"
    "  pushfq\n"
    "  popq 0x100003c0\n"
    "  pushq $0x202; popfq\n"      /* without DF, AC */
    "  mov %rax, 0x10000340; mov %rcx, 0x10000348; mov %rdx, 0x10000350; mov %rbx, 0x10000358\n"
    "  mov %rbp, 0x10000368; mov %rsi, 0x10000370; mov %rdi, 0x10000378; mov %r8, 0x10000380\n"
    "  mov %r9, 0x10000388; mov %r10, 0x10000390; mov %r11, 0x10000398; mov %r12, 0x100003a0\n"
    "  mov %r13, 0x100003a8; mov %r14, 0x100003b0; mov %r15, 0x100003b8\n"
    "  mov $7, %eax; xor %edx, %edx\n"
    "  xsave64 0x10000000\n"
    "  rdfsbase %rax; mov %rax, 0x100001d0; rdgsbase %rax; mov %rax, 0x100001d8\n"
    "  mov 0x10001010, %rax; wrfsbase %rax; mov 0x10001018, %rax; wrgsbase %rax\n"
    "engine_fault:\n"
    "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "  ret\n");

static void on_signal(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    greg_t *g = uc->uc_mcontext.gregs;
    static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
                                  REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13,
                                  REG_R14, REG_R15};
    uint64_t ip = (uint64_t)g[REG_RIP], base[2];
    /* Both bases are the case's; the C library needs its own. */
    __asm__ volatile("rdfsbase %0; rdgsbase %1" : "=r"(base[0]), "=r"(base[1]));
    __asm__ volatile("wrfsbase %0; wrgsbase %1" :: "r"(((uint64_t *)AUX)[2]), "r"(((uint64_t *)AUX)[3]));
    if (number == SIGSEGV && ip - CODE_PAGE >= 0x1000 && (char *)ip >= (char *)engine_enter
        && (char *)ip < engine_fault)
        _exit(3); /* a record whose state cannot be loaded */
    for (int i = 0; i < 16; i++)
        cur->gpr[i] = (uint64_t)g[order[i]];
    cur->rflags = (uint64_t)g[REG_EFL] & ~0x10000ULL; /* RF: set in every fault's image */
    memcpy(cur->xsave, uc->uc_mcontext.fpregs, 832);
    memset(cur->xsave + FSBASE, 0, 48); /* the kernel's own marks */
    memcpy(cur->xsave + FSBASE, base, 16);
    cur->trap = (uint32_t)g[REG_TRAPNO];
    cur->error = (uint32_t)g[REG_ERR];
    cur->rip = ip - CODE;
    cur->signal = (uint32_t)number;
    cur->fault_addr = cur->trap == 14 ? (uint64_t)info->si_addr : 0;
    int on_int3 = cur->trap == 3 && ip - CODE_PAGE <= 0x1000 && ip - 1 - CODE >= cur->size;
    int on_nothing = cur->trap == 14 && cur->fault_addr == ip;
    if (on_int3 || on_nothing) {
        cur->signal = cur->trap = cur->error = 0;
        cur->fault_addr = 0;
        cur->rip -= (uint64_t)on_int3;
    }
    g[REG_RIP] = (greg_t)engine_fault;
    g[REG_RSP] = *(greg_t *)AUX;
    g[REG_EFL] = 0x202;
    g[REG_CSGSFS] = (g[REG_CSGSFS] & ~0xFFFFL) | CS64;
}

static void *map(uint64_t addr, size_t size, int prot)
{
    void *p = mmap((void *)addr, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p != (void *)addr) {
        fprintf(stderr, "runner: cannot map %#lx\n", (unsigned long)addr);
        exit(2);
    }
    return p;
}

static const struct Record *last;   /* whose code is at CODE */

static void write_code(const struct Record *r)
{
    uint8_t *code = (uint8_t *)CODE;
    uint32_t size = r->size > 15 ? 15 : r->size;
    uint64_t back = (uint64_t)engine_back;
    if (last && last->size == r->size && last->bits == r->bits && !memcmp(last->code, r->code, 16))
        return;     /* writing it again would throw away what is decoded */
    last = r;
    memcpy(code, r->code, size);
    memset(code + size, 0xcc, 48 - size);
    if (r->bits == 32) {
        code[size] = 0xea;      /* JMP ptr16:32 */
        memcpy(code + size + 1, &back, 4);
        code[size + 5] = CS64;
        code[size + 6] = 0;
    } else {
        static const uint8_t jump[6] = {0xff, 0x25};
        memcpy(code + size, jump, 6);
        memcpy(code + size + 6, &back, 8);
    }
    ((uint32_t *)AUX)[2] = (uint32_t)CODE;
    ((uint32_t *)AUX)[3] = r->bits == 32 ? CS32 : CS64;
}

int main(int argc, char **argv)
{
    struct stat st;
    int fd = argc == 3 ? open(argv[1], O_RDWR) : -1;
    if (fd < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "runner: needs a file of records and the size of the image's memory\n");
        return 2;
    }
    char *all = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    size_t extra = strtoul(argv[2], NULL, 0), size = sizeof(struct Record) + extra;
    if (all == MAP_FAILED || extra > MEM_WINDOW - IMAGE)
        return 2;
    map(CUR, 0x2000, PROT_READ | PROT_WRITE);
    map(MEM_PAGE, 0x1000, PROT_READ | PROT_WRITE);
    memset(map(CODE_PAGE, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC), 0xcc, 0x1000);

    /* No heap, which could be anywhere: cases find nothing but their pages. */
    static char input[4096], output[4096];
    setvbuf(stdin, input, _IOFBF, sizeof input);
    setvbuf(stdout, output, _IOFBF, sizeof output);
    static uint8_t stack[65536] __attribute__((aligned(64)));
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alt, NULL);
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    int numbers[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS};
    for (int i = 0; i < 5; i++)
        sigaction(numbers[i], &sa, NULL);

    unsigned long n;
    size_t limit = (size_t)st.st_size / size;
    while (scanf("%lu", &n) == 1 && n <= limit) {
        uint32_t selector = 0;
        last = NULL;
        for (unsigned long i = 0; i < n; i++) {
            struct Record *r = (struct Record *)(all + i * size);
            uint32_t wanted = r->bits == 32 ? DATA : 0;
            write_code(r);
            memcpy(cur, r, sizeof *cur);
            memcpy((void *)MEM_WINDOW, cur->mem, 128);
            memcpy((void *)IMAGE, r + 1, extra);
            cur->signal = cur->trap = cur->error = 0;
            cur->fault_addr = 0;
            cur->rip = cur->size;
            if (wanted != selector)
                __asm__ volatile("mov %0, %%ds; mov %0, %%es" :: "r"(wanted));
            selector = wanted;
            engine_enter();
            memcpy(cur->mem, (void *)MEM_WINDOW, 128);
            memcpy(r + 1, (void *)IMAGE, extra);
            memcpy(r, cur, sizeof *cur);
        }
        if (selector)
            __asm__ volatile("mov %0, %%ds; mov %0, %%es" :: "r"(0));
        printf("%lu\n", n);
        fflush(stdout);
    }
    return 0;
}
