/* Synchronous signals: handler, siginfo, alternate stack, return to a changed context, abort. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf back;
static char *page;
static volatile int fixed, traps;

static void on_fault(int signo, siginfo_t *info, void *context)
{
    (void)context;
    printf("signal %d code %d at page+%ld\n", signo, info->si_code,
           (long)((char *)info->si_addr - page));
    siglongjmp(back, 1);
}

static void repair(int signo, siginfo_t *info, void *context)
{
    (void)signo, (void)info, (void)context;
    fixed++;
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void on_user(int signo)
{
    traps += signo;
}

int main(int argc, char **argv)
{
    page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    stack_t alt = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&alt, NULL);
    struct sigaction act;
    memset(&act, 0, sizeof act);
    act.sa_sigaction = on_fault;
    act.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &act, NULL);
    if (!sigsetjmp(back, 1))
        page[5] = 1;
    if (!sigsetjmp(back, 1))
        printf("%d\n", page[4096 + 9]);
    act.sa_sigaction = repair;
    sigaction(SIGSEGV, &act, NULL);
    page[7] = 77;
    printf("repaired %d: %d\n", fixed, page[7]);
    signal(SIGUSR1, on_user);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    printf("blocked %d\n", traps);
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("delivered %d\n", traps == SIGUSR1);
    fflush(stdout);
    if (argc > 1 && !strcmp(argv[1], "abort"))
        abort();
    if (argc > 1 && !strcmp(argv[1], "segv")) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile int *)16 = 1;
    }
    return 7;
}
