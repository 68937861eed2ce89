/* qsort, bsearch, malloc churn, string functions, setjmp: plain libc work with a checksum. */
#include <ctype.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252ull;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int by_value(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static jmp_buf back;

static void deep(int n)
{
    volatile char pad[64];
    memset((char *)pad, n, sizeof pad);
    if (n == 0)
        longjmp(back, 42);
    deep(n - 1);
}

int main(void)
{
    static int numbers[20000];
    for (int i = 0; i < 20000; i++)
        numbers[i] = (int)(next() % 1000003) - 500000;
    qsort(numbers, 20000, sizeof *numbers, by_value);
    long inversions = 0;
    for (int i = 1; i < 20000; i++)
        inversions += numbers[i - 1] > numbers[i];
    int key = numbers[777];
    printf("%d %d %d %ld %d\n", numbers[0], numbers[9999], numbers[19999], inversions,
           *(int *)bsearch(&key, numbers, 20000, sizeof *numbers, by_value));

    char *blocks[256] = {0};
    uint64_t sum = 0;
    for (int i = 0; i < 60000; i++) {
        unsigned slot = next() % 256;
        if (blocks[slot]) {
            sum = sum * 31 + (unsigned char)blocks[slot][0];
            free(blocks[slot]);
        }
        size_t size = 1 + next() % (i % 97 ? 700 : 300000);
        blocks[slot] = i % 5 ? malloc(size) : calloc(1, size);
        memset(blocks[slot], i, 1 + size / 2);
        if (i % 11 == 0)
            blocks[slot] = realloc(blocks[slot], size * 2);
    }
    for (int i = 0; i < 256; i++)
        free(blocks[i]);
    printf("%llx\n", (unsigned long long)sum);

    char text[4096] = "";
    for (int i = 0; i < 200; i++)
        sprintf(text + strlen(text), "%c%d,", 'a' + i % 26, i * 7);
    int fields = 0, letters = 0;
    for (char *p = strtok(text, ","); p; p = strtok(NULL, ","))
        fields++, letters += isalpha((unsigned char)*p) != 0;
    char copy[300], other[300];
    for (int at = 0; at < 40; at++)
        for (int n = 0; n < 200; n += 7) {
            memset(copy, 'x', sizeof copy);
            memset(other, 'y', sizeof other);
            memcpy(copy + at, other + 40 - at, n);
            memmove(copy + at / 2, copy + at, n);
            sum = sum * 33 + (unsigned)(memcmp(copy, other, sizeof copy) > 0) +
                  (strchr("hello", 'l') - "hello" == 2) + strspn("aaab", "a");
        }
    printf("%d %d %llx %s %d\n", fields, letters, (unsigned long long)sum,
           strstr("needle in a haystack", "hay"), strcmp("abc", "abd") < 0);

    volatile int rounds = 0;
    int got = setjmp(back);
    if (rounds++ < 3)
        deep(10 * rounds);
    printf("%d %d\n", got, rounds);
    return got - 42;
}
