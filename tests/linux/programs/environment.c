/* argv, environment, directories, time, pipes, stdin: the rest of the interface. argv[1]: a directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        printf("arg %s\n", argv[i]);
    printf("%s\n", getenv("ENGINE_TEST") ? getenv("ENGINE_TEST") : "unset");
    DIR *dir = opendir(argv[1]);
    char *names[64];
    int n = 0;
    for (struct dirent *e; dir && (e = readdir(dir)) && n < 64;)
        names[n++] = strdup(e->d_name);
    qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 0; i < n; i++)
        printf("entry %s\n", names[i]);
    closedir(dir);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("time %d %d\n", b.tv_sec >= a.tv_sec, time(NULL) > 1700000000);
    int fds[2];
    char buffer[64];
    if (pipe(fds))
        return 3;
    struct iovec iov[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
    printf("pipe %zd", writev(fds[1], iov, 3));
    printf(" %zd\n", read(fds[0], buffer, sizeof buffer));
    int copy = dup(fds[0]);
    close(fds[0]);
    close(fds[1]);
    printf("eof %zd\n", read(copy, buffer, sizeof buffer));
    struct winsize size;
    printf("tty %d\n", ioctl(copy, TIOCGWINSZ, &size) < 0 && errno == ENOTTY);
    printf("bad %d %d\n", close(1000) < 0 && errno == EBADF,
           write(1, (void *)16, 4) < 0 && errno == EFAULT);
    printf("nosys %d\n", syscall(1023) < 0 && errno == ENOSYS);
    char line[256];
    int lines = 0;
    while (fgets(line, sizeof line, stdin))
        lines++;
    printf("stdin %d lines, last %s", lines, lines ? line : "none\n");
    char *cwd = getcwd(NULL, 0);
    printf("cwd %d %d\n", cwd && cwd[0] == '/', chdir(argv[1]) == 0);
    free(cwd);
    return 0;
}
