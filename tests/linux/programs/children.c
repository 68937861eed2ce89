/* Other processes and what waits for them: fork, exec, wait, pipes, poll, select, signals of children. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int ended;

static void on_child(int signo)
{
    ended += signo;
}

static void report(const char *what, pid_t expected)
{
    int status = 0;
    pid_t pid = waitpid(expected, &status, 0);
    if (WIFSIGNALED(status))
        printf("%s: %d signal %d\n", what, pid == expected, WTERMSIG(status));
    else
        printf("%s: %d status %d\n", what, pid == expected, WEXITSTATUS(status));
    fflush(stdout);
}

static void of_pipes(void)
{
    int there[2], back[2];
    char text[64] = "";
    if (pipe(there) || pipe(back))
        exit(2);
    pid_t child = fork();
    if (!child) {
        close(there[1]);
        close(back[0]);
        ssize_t n = read(there[0], text, sizeof text);
        for (ssize_t i = 0; i < n; i++)
            text[i] -= 32;
        if (write(back[1], text, (size_t)n) != n)
            _exit(1);
        _exit(42);
    }
    close(there[0]);
    close(back[1]);
    struct pollfd fds[3] = {{back[0], POLLIN, 0}, {-1, POLLIN, 0}, {900, POLLIN, 0}};
    printf("poll bad %d", poll(fds, 3, 0));
    printf(" %d\n", fds[2].revents == POLLNVAL);
    printf("poll empty %d\n", poll(fds, 1, 0));
    if (write(there[1], "children", 8) != 8)
        exit(3);
    printf("poll %d", poll(fds, 2, 10000));
    printf(" %d\n", fds[0].revents & POLLIN);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(back[0], &set);
    struct timeval limit = {10, 0};
    printf("select %d", select(back[0] + 1, &set, NULL, NULL, &limit));
    printf(" %d\n", FD_ISSET(back[0], &set) != 0);
    ssize_t n = read(back[0], text, sizeof text);
    printf("read %.*s\n", (int)n, text);
    fflush(stdout);
    report("exit", child);
    close(there[1]);
    close(back[0]);
}

static void of_programs(const char *self, const char *script)
{
    int kept = open("/dev/null", O_RDONLY), closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char first[16], second[16];
    snprintf(first, sizeof first, "%d", kept);
    snprintf(second, sizeof second, "%d", closed);
    signal(SIGUSR2, SIG_IGN);
    char *const env[] = {"ENGINE_TEST=child", NULL};
    pid_t child = fork();
    if (!child) {
        execle(self, "another name", "again", first, second, (char *)NULL, env);
        _exit(100);
    }
    report("exec", child);
    child = vfork();
    if (!child) {
        execl(script, "script", "argument", (char *)NULL);
        _exit(101);
    }
    report("script", child);
    printf("missing %d", execl("/no/such/file", "x", (char *)NULL));
    printf(" %d\n", errno == ENOENT);
    int answer = execl("/etc/passwd", "x", (char *)NULL);
    printf("no program %d %d\n", answer, errno == EACCES);
    fflush(stdout);
}

static int again(char **argv)
{
    struct stat st;
    printf("again %s %s %d %d %d\n", argv[0], getenv("ENGINE_TEST"), getenv("PATH") == NULL,
           fstat(atoi(argv[2]), &st) == 0, fstat(atoi(argv[3]), &st) < 0 && errno == EBADF);
    struct sigaction act;
    sigaction(SIGUSR2, NULL, &act);
    printf("ignored %d\n", act.sa_handler == SIG_IGN);
    return 9;
}

int main(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "again"))
        return again(argv);
    if (argc > 3 && !strcmp(argv[1], "echo"))
        return printf("script says %s\n", argv[3]) == 0;
    int answer = wait(NULL);
    printf("nobody %d %d\n", answer, errno == ECHILD);
    fflush(stdout);
    of_pipes();
    of_programs(argv[0], argv[1]);
    pid_t child = fork();
    if (!child)
        abort();
    report("abort", child);
    child = fork();
    if (!child)
        for (;;)
            pause();
    kill(child, SIGTERM);
    report("kill", child);
    signal(SIGCHLD, on_child);
    sigset_t set, old, none;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);
    child = fork();
    if (!child)
        _exit(5);
    int got = sigsuspend(&none);
    printf("suspended %d %d %d\n", got, errno == EINTR, ended == SIGCHLD);
    sigprocmask(SIG_BLOCK, NULL, &set);
    printf("blocked %d\n", sigismember(&set, SIGCHLD));
    report("last", child);
    return 0;
}
