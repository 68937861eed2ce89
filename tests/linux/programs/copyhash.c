/* Writes a 1 MiB file, copies it with stdio and by mmap, hashes both: argv[1] is a directory. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (1 << 20)

static uint64_t fnv(const unsigned char *p, size_t n)
{
    uint64_t h = 14695981039346656037ull;
    while (n--)
        h = (h ^ *p++) * 1099511628211ull;
    return h;
}

int main(int argc, char **argv)
{
    char from[512], to[512];
    if (argc != 2)
        return 2;
    snprintf(from, sizeof from, "%s/one", argv[1]);
    snprintf(to, sizeof to, "%s/two", argv[1]);
    unsigned char *data = malloc(SIZE);
    uint32_t x = 1;
    for (int i = 0; i < SIZE; i++)
        data[i] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
    FILE *f = fopen(from, "wb");
    if (!f || fwrite(data, 1, SIZE, f) != SIZE || fclose(f))
        return 3;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    int c;
    while ((c = getc(in)) != EOF)
        putc(c, out);
    fclose(in);
    fclose(out);
    int fd = open(to, O_RDONLY);
    struct stat st;
    if (fstat(fd, &st) || st.st_size != SIZE || !S_ISREG(st.st_mode))
        return 4;
    unsigned char *map = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return 5;
    printf("%llx %llx %d\n", (unsigned long long)fnv(data, SIZE), (unsigned long long)fnv(map, SIZE),
           memcmp(data, map, SIZE));
    munmap(map, SIZE);
    close(fd);
    unlink(from);
    unlink(to);
    printf("%d %d\n", access(from, F_OK), open(from, O_RDONLY));
    perror("open");
    return 0;
}
