/* Single-steps instructions on this machine's own processor, in 64- or (built with -m32) 32-bit mode.
 *
 * What lives here: the child of make_ins_x86.py: one instruction a record, whatever it is (a jump, one
 * iteration of a string instruction, a fault), and the registers, flags and memory after it. What does
 * not: vector and x87 state (native/runner.c, which is faster too). Records come on stdin, answers go
 * to stdout.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE 0x31000UL
#define DATA 0x20000UL      /* one page; make_ins_x86.py has the same numbers */
#define TF 0x100

static struct Record {
    uint64_t gpr[16];       /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15 */
    uint64_t flags, pc, fault_address;
    uint32_t signal;        /* 0: stepped */
    uint32_t error;
    uint8_t code[16];
    uint8_t memory[256];
} record;

#ifdef __x86_64__
static const int numbers[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
enum { COUNT = 16, PC = REG_RIP };
#else
static const int numbers[8] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI};
enum { COUNT = 8, PC = REG_EIP };
#endif

static gregset_t ours;

static void on_signal(int signo, siginfo_t *info, void *context)
{
    greg_t *now = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (signo == SIGUSR1) {
        memcpy(ours, now, sizeof ours);
        for (int n = 0; n < COUNT; n++)
            now[numbers[n]] = (greg_t)record.gpr[n];
        now[REG_EFL] = (greg_t)(record.flags | TF | 2);
        now[PC] = CODE;
        return;
    }
    for (int n = 0; n < COUNT; n++)
        record.gpr[n] = (unsigned long)now[numbers[n]];
    record.flags = (unsigned long)now[REG_EFL] & ~(uint64_t)(TF | 0x10000);
    record.pc = (unsigned long)now[PC];
    record.signal = signo == SIGTRAP ? 0 : (uint32_t)signo;
    record.fault_address = (uintptr_t)info->si_addr;
    record.error = (uint32_t)now[REG_TRAPNO];
    memcpy(now, ours, sizeof ours);
}

int main(void)
{
    static char alternate[65536];
    void *code = mmap((void *)CODE, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    void *data = mmap((void *)DATA, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigfillset(&act.sa_mask);
    for (int signo = 1; signo < 32; signo++)
        sigaction(signo, &act, NULL);
    while (fread(&record, sizeof record, 1, stdin) == 1) {
        memset(code, 0xcc, 64);
        memcpy(code, record.code, sizeof record.code);
        memcpy(data, record.memory, sizeof record.memory);
        ualarm(20000, 0);       /* an instruction that clears TF runs on */
        raise(SIGUSR1);
        ualarm(0, 0);
        memcpy(record.memory, data, sizeof record.memory);
        fwrite(&record, sizeof record, 1, stdout);
        fflush(stdout);
    }
    return 0;
}
