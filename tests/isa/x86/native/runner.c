/* Runs single x86-64 instructions on this machine's own processor and reports the whole state.
 *
 * What lives here: the child process: load state, execute, save state, signals. What does not: which
 * instructions, the comparison (native.py and the tests). Who calls it: native.py compiles it with
 * gcc and talks to it: argv[1] is a file of records (struct Record), a number n on stdin asks for
 * the first n records to be run in place, "n\n" on stdout answers.
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
    uint8_t xsave[832];   /* standard XSAVE format (Intel SDM vol. 1, 13.4): x87, XMM, upper YMM */
    uint64_t gpr[16];     /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15 */
    uint64_t rflags;
    uint8_t code[16];
    uint8_t mem[128];
    uint32_t signal;      /* 0: ran to its end */
    uint32_t size;        /* bytes of code */
    uint64_t fault_addr;
    uint64_t rip;         /* relative to the first byte of the instruction */
    uint32_t trap, error;
    uint8_t pad[8];
};
_Static_assert(sizeof(struct Record) == 1152, "layout");

#define CUR 0x10000000UL      /* the record being run */
#define AUX 0x10001000UL      /* +0 host rsp, +8 entry address */
#define MEM_PAGE 0x20000000UL /* one page, none after it; the window is its last 128 bytes */
#define MEM_WINDOW (MEM_PAGE + 0x1000 - 128)
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
    "  mov $7, %eax; xor %edx, %edx\n"
    "  xrstor64 0x10000000\n"
    "  pushq 0x100003c0\n"
    "  mov 0x10000340, %rax; mov 0x10000348, %rcx; mov 0x10000350, %rdx; mov 0x10000358, %rbx\n"
    "  mov 0x10000368, %rbp; mov 0x10000370, %rsi; mov 0x10000378, %rdi; mov 0x10000380, %r8\n"
    "  mov 0x10000388, %r9; mov 0x10000390, %r10; mov 0x10000398, %r11; mov 0x100003a0, %r12\n"
    "  mov 0x100003a8, %r13; mov 0x100003b0, %r14; mov 0x100003b8, %r15\n"
    "  popfq\n"
    "  mov 0x10000360, %rsp\n"
    "  jmp *0x10001008\n"
    "engine_back:\n"
    "  mov %rsp, 0x10000360\n"
    "  mov 0x10001000, %rsp\n"
    "  pushfq\n"
    "  popq 0x100003c0\n"
    "  cld\n"
    "  mov %rax, 0x10000340; mov %rcx, 0x10000348; mov %rdx, 0x10000350; mov %rbx, 0x10000358\n"
    "  mov %rbp, 0x10000368; mov %rsi, 0x10000370; mov %rdi, 0x10000378; mov %r8, 0x10000380\n"
    "  mov %r9, 0x10000388; mov %r10, 0x10000390; mov %r11, 0x10000398; mov %r12, 0x100003a0\n"
    "  mov %r13, 0x100003a8; mov %r14, 0x100003b0; mov %r15, 0x100003b8\n"
    "  mov $7, %eax; xor %edx, %edx\n"
    "  xsave64 0x10000000\n"
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
    uint64_t ip = (uint64_t)g[REG_RIP];
    if (number == SIGSEGV && ip - CODE_PAGE >= 0x1000 && (char *)ip >= (char *)engine_enter
        && (char *)ip < engine_fault)
        _exit(3); /* a record whose state cannot be loaded */
    for (int i = 0; i < 16; i++)
        cur->gpr[i] = (uint64_t)g[order[i]];
    cur->rflags = (uint64_t)g[REG_EFL] & ~0x10000ULL; /* RF: set in every fault's image */
    memcpy(cur->xsave, uc->uc_mcontext.fpregs, 832);
    memset(cur->xsave + 464, 0, 48); /* the kernel's own marks */
    cur->signal = (uint32_t)number;
    cur->fault_addr = number == SIGSEGV || number == SIGBUS ? (uint64_t)info->si_addr : 0;
    cur->rip = ip - CODE;
    cur->trap = (uint32_t)g[REG_TRAPNO];
    cur->error = (uint32_t)g[REG_ERR];
    g[REG_RIP] = (greg_t)engine_fault;
    g[REG_RSP] = *(greg_t *)AUX;
    g[REG_EFL] = 0x202;
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

int main(int argc, char **argv)
{
    struct stat st;
    int fd = argc == 2 ? open(argv[1], O_RDWR) : -1;
    if (fd < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "runner: needs a file of records\n");
        return 2;
    }
    struct Record *all = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (all == MAP_FAILED)
        return 2;
    map(CUR, 0x2000, PROT_READ | PROT_WRITE);
    map(MEM_PAGE, 0x1000, PROT_READ | PROT_WRITE);
    memset(map(CODE_PAGE, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC), 0xcc, 0x1000);
    *(uint64_t *)(AUX + 8) = CODE;

    static uint8_t stack[65536] __attribute__((aligned(64)));
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alt, NULL);
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    int numbers[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS};
    for (int i = 0; i < 5; i++)
        sigaction(numbers[i], &sa, NULL);

    unsigned long n;
    size_t limit = (size_t)st.st_size / sizeof(struct Record);
    while (scanf("%lu", &n) == 1 && n <= limit) {
        for (unsigned long i = 0; i < n; i++) {
            uint8_t *code = (uint8_t *)CODE;
            memcpy(cur, &all[i], sizeof *cur);
            memcpy((void *)MEM_WINDOW, cur->mem, 128);
            uint32_t size = cur->size > 15 ? 15 : cur->size;
            uint64_t back = (uint64_t)engine_back;
            static const uint8_t jump[6] = {0xff, 0x25, 0, 0, 0, 0};
            memcpy(code, cur->code, size);
            memcpy(code + size, jump, 6);
            memcpy(code + size + 6, &back, 8);
            memset(code + size + 14, 0xcc, 32 - 14);
            cur->signal = cur->trap = cur->error = 0;
            cur->fault_addr = 0;
            cur->rip = size;
            engine_enter();
            memcpy(cur->mem, (void *)MEM_WINDOW, 128);
            memcpy(&all[i], cur, sizeof *cur);
        }
        printf("%lu\n", n);
        fflush(stdout);
    }
    return 0;
}
