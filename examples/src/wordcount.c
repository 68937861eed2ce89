/* wordcount: lines, words and bytes of each file named, then the ten most frequent words of all of
 * them with their counts (letters only, folded to lower case; ties in alphabetical order). */
#include "sys.h"

#define SLOTS 65536 /* power of two */
#define TEXT (1 << 20)

struct word {
    const char *text;
    u32 length;
    u32 count;
};

static struct word table[SLOTS];
static char texts[TEXT];
static size_t texts_used;
static u32 words_used;
static char buffer[65536];

static int compare(const char *a, u32 an, const char *b, u32 bn)
{
    for (u32 i = 0; i < an && i < bn; i++)
        if (a[i] != b[i])
            return (u8)a[i] - (u8)b[i];
    return (int)an - (int)bn;
}

static void note(const char *text, u32 length)
{
    u32 hash = 2166136261u; /* FNV-1a */
    for (u32 i = 0; i < length; i++)
        hash = (hash ^ (u8)text[i]) * 16777619u;
    for (u32 slot = hash & (SLOTS - 1);; slot = (slot + 1) & (SLOTS - 1)) {
        struct word *w = &table[slot];
        if (!w->count) {
            if (texts_used + length > TEXT || words_used > SLOTS / 2) {
                put(2, "wordcount: too many different words\n");
                sys_exit(2);
            }
            w->text = memcpy(texts + texts_used, text, length);
            w->length = length;
            texts_used += length;
            words_used++;
        } else if (compare(w->text, w->length, text, length)) {
            continue;
        }
        w->count++;
        return;
    }
}

static void put_number(u64 value, int width)
{
    char digits[24];
    int at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10), value /= 10;
    while (value);
    while ((int)sizeof digits - at < width && at)
        digits[--at] = ' ';
    write_all(1, digits + at, sizeof digits - (size_t)at);
}

static int count_file(const char *name)
{
    u64 lines = 0, words = 0, bytes = 0;
    int in_word = 0;
    char word[64];
    u32 length = 0;
    long n, fd = open_arg(name);
    if (fd < 0)
        return complain("wordcount", name);
    while ((n = syscall4(SYS_read, fd, (long)buffer, sizeof buffer, 0)) > 0) {
        bytes += (u64)n;
        for (long i = 0; i < n; i++) {
            char c = buffer[i];
            int space = c == ' ' || (c >= '\t' && c <= '\r');
            lines += c == '\n';
            words += in_word == 0 && !space;
            in_word = !space;
            if (c >= 'A' && c <= 'Z')
                c = (char)(c + 32);
            if (c >= 'a' && c <= 'z') {
                if (length < sizeof word)
                    word[length++] = c;
            } else if (length) {
                note(word, length);
                length = 0;
            }
        }
    }
    if (length)
        note(word, length);
    if (fd)
        syscall4(SYS_close, fd, 0, 0, 0);
    if (n < 0)
        return complain("wordcount", name);
    put_number(lines, 7);
    put_number(words, 8);
    put_number(bytes, 9);
    put(1, " ");
    put(1, name);
    put(1, "\n");
    return 0;
}

static void print_top(int limit)
{
    while (limit--) {
        struct word *best = 0;
        for (u32 i = 0; i < SLOTS; i++) {
            struct word *w = &table[i];
            if (w->count && (!best || w->count > best->count ||
                             (w->count == best->count &&
                              compare(w->text, w->length, best->text, best->length) < 0)))
                best = w;
        }
        if (!best)
            return;
        put_number(best->count, 7);
        put(1, " ");
        write_all(1, best->text, best->length);
        put(1, "\n");
        best->count = 0;
    }
}

int main(int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc; i++)
        status |= count_file(argv[i]);
    if (argc < 2)
        status = count_file("-");
    print_top(10);
    return status;
}
