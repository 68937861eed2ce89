/* Single-steps instructions on this machine's own processor, in 64-, 32- or 16-bit code.
 *
 * What lives here: the child of make_ins_x86.py: one instruction a record, whatever it is (a jump, one
 * iteration of a string instruction, a fault), and the whole user state after it. 32-bit code runs in
 * the kernel's compatibility segment, 16-bit code in segments of the LDT with the base BASE. What does
 * not: many cases of one instruction (native/runner.c, which is faster). argv: bits, address of the
 * code, address of the data (up to 1024 bytes of its page). Records come on stdin, answers go to stdout.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define BASE 0x10000000UL
#define TF 0x100

static struct Record {
    uint8_t xsave[832];     /* x87, XMM, upper YMM */
    uint64_t gpr[16];       /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15 */
    uint64_t flags, pc, fault_address;
    uint32_t signal;        /* 0: stepped */
    uint32_t trap, error, pad;
    uint8_t code[16];
    uint8_t memory[1024];
} record;

static const int numbers[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
static gregset_t ours;
static uint64_t selectors;  /* as in a signal frame: cs, gs, fs, ss */
static uint64_t code_at, our_fs, our_gs;

static long call(long number, long a, long b, long c)
{
    long answer;
    __asm__ volatile("syscall" : "=a"(answer) : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return answer;
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    greg_t *now = uc->uc_mcontext.gregs;
    uint8_t *state = (uint8_t *)uc->uc_mcontext.fpregs;
    if (signo == SIGUSR1) {
        memcpy(ours, now, sizeof ours);
        for (int n = 0; n < 16; n++)
            now[numbers[n]] = (greg_t)record.gpr[n];
        now[REG_EFL] = (greg_t)(record.flags | TF | 2);
        now[REG_RIP] = (greg_t)code_at;
        if (selectors)
            now[REG_CSGSFS] = (greg_t)selectors;
        memcpy(state, record.xsave, 464);       /* then: the kernel's own marks */
        *(uint64_t *)(state + 512) |= 7;
        memcpy(state + 576, record.xsave + 576, 256);
        return;
    }
    /* The base of FS is the C library's: the instruction may have changed it. */
    call(SYS_arch_prctl, ARCH_SET_FS, (long)our_fs, 0);
    call(SYS_arch_prctl, ARCH_SET_GS, (long)our_gs, 0);
    for (int n = 0; n < 16; n++)
        record.gpr[n] = (uint64_t)now[numbers[n]];
    record.flags = (uint64_t)now[REG_EFL] & ~(uint64_t)(TF | 0x10000);
    record.pc = (uint64_t)now[REG_RIP];
    record.signal = signo == SIGTRAP ? 0 : (uint32_t)signo;
    record.fault_address = (uintptr_t)info->si_addr;
    record.trap = (uint32_t)now[REG_TRAPNO];
    record.error = (uint32_t)now[REG_ERR];
    memcpy(record.xsave, state, 464);
    memcpy(record.xsave + 512, state + 512, 8);
    memcpy(record.xsave + 576, state + 576, 256);
    memcpy(now, ours, sizeof ours);
}

static unsigned segment(unsigned entry, unsigned contents)
{
    struct user_desc made = {.entry_number = entry, .base_addr = BASE, .limit = 0xFFFF,
                             .contents = contents};
    if (syscall(SYS_modify_ldt, 1, &made, sizeof made) != 0)
        exit(2);
    return entry << 3 | 7;
}

static void *page(uint64_t address)
{
    address &= ~0xFFFUL;
    return mmap((void *)address, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

int main(int argc, char **argv)
{
    static char alternate[65536];
    if (argc != 4)
        return 2;
    int bits = atoi(argv[1]);
    uint64_t base = bits == 16 ? BASE : 0, data_at = strtoul(argv[3], NULL, 0);
    unsigned data_selector = 0;
    code_at = strtoul(argv[2], NULL, 0);
    size_t room = 0x1000 - (data_at & 0xFFF);
    if (room > sizeof record.memory)
        room = sizeof record.memory;
    if (page(base + code_at) == MAP_FAILED)
        return 2;
    if (((code_at ^ data_at) & ~0xFFFUL) && page(base + data_at) == MAP_FAILED)
        return 2;
    if (bits == 16) {
        data_selector = segment(1, 0);
        selectors = segment(0, 2) | (uint64_t)data_selector << 48;
    } else if (bits == 32) {
        data_selector = 0x2B;
        selectors = 0x23 | (uint64_t)data_selector << 48;
    }
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    call(SYS_arch_prctl, ARCH_GET_FS, (long)&our_fs, 0);
    call(SYS_arch_prctl, ARCH_GET_GS, (long)&our_gs, 0);
    sigaltstack(&stack, NULL);
    sigfillset(&act.sa_mask);
    for (int signo = 1; signo < 32; signo++)
        sigaction(signo, &act, NULL);
    uint8_t *code = (uint8_t *)(base + code_at), *data = (uint8_t *)(base + data_at);
    while (fread(&record, sizeof record, 1, stdin) == 1) {
        memset(code, 0xcc, 64);
        memcpy(code, record.code, sizeof record.code);
        memcpy(data, record.memory, room);
        ualarm(20000, 0);       /* an instruction that clears TF runs on */
        __asm__ volatile("mov %0, %%ds; mov %0, %%es" :: "r"(data_selector));
        raise(SIGUSR1);
        __asm__ volatile("mov %0, %%ds; mov %0, %%es" :: "r"(0));
        ualarm(0, 0);
        memcpy(record.memory, data, room);
        fwrite(&record, sizeof record, 1, stdout);
        fflush(stdout);
    }
    return 0;
}
