/* Benchmark kernels: the same C runs on the host, on this engine and on its peers.
 * Freestanding; each kernel takes a size and answers a checksum, so that every engine's result can be
 * compared with the host's. Built by build.sh; the ELF files are committed so that timing needs no
 * cross compiler. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define KERNEL __attribute__((noinline, used)) u64

void *memcpy(void *dst, const void *src, unsigned long n);
void *memset(void *dst, int value, unsigned long n);

#ifdef GUEST
/* No libc in the guest: byte copies by words, as a simple libc does. */
void *memcpy(void *dst, const void *src, unsigned long n)
{
    u8 *d = dst;
    const u8 *s = src;
    for (; n >= 8; n -= 8, d += 8, s += 8)
        *(u64 *)d = *(const u64 *)s;
    while (n--)
        *d++ = *s++;
    return dst;
}

void *memset(void *dst, int value, unsigned long n)
{
    u8 *d = dst;
    while (n--)
        *d++ = (u8)value;
    return dst;
}
#endif

/* Integer loop: a linear congruential generator with xor and shifts; nothing but registers. */
KERNEL kernel_integer(u64 n)
{
    u64 x = 1, sum = 0;
    for (u64 i = 0; i < n; i++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        sum += x >> 33 ^ i;
    }
    return sum;
}

/* SHA-256 compression (FIPS 180-4, 6.2.2) of n blocks. */
static const u32 K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline u32 ror(u32 x, int n)
{
    return x >> n | x << (32 - n);
}

KERNEL kernel_sha256(u64 n)
{
    u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    u32 w[64], v[8];
    for (u64 block = 0; block < n; block++) {
        for (int t = 0; t < 16; t++)
            w[t] = (u32)(block * 16 + (u64)t) * 2654435761u;
        for (int t = 16; t < 64; t++) {
            u32 a = w[t - 15], b = w[t - 2];
            w[t] = (ror(b, 17) ^ ror(b, 19) ^ b >> 10) + w[t - 7] +
                   (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + w[t - 16];
        }
        for (int i = 0; i < 8; i++)
            v[i] = h[i];
        for (int t = 0; t < 64; t++) {
            u32 e = v[4], a = v[0];
            u32 t1 = v[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
                     ((e & v[5]) ^ (~e & v[6])) + K[t] + w[t];
            u32 t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +
                     ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
            v[7] = v[6], v[6] = v[5], v[5] = e, v[4] = v[3] + t1;
            v[3] = v[2], v[2] = v[1], v[1] = a, v[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++)
            h[i] += v[i];
    }
    return (u64)h[0] << 32 | h[7];
}

/* CRC-32, one bit at a time, of n bytes. */
KERNEL kernel_crc32(u64 n)
{
    u32 crc = 0xffffffffu;
    for (u64 i = 0; i < n; i++) {
        crc ^= (u8)(i * 31);
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
    }
    return ~crc;
}

static u8 bytes[1 << 20];

/* Sieve of Eratosthenes over bytes, n rounds of 1 MiB. */
KERNEL kernel_sieve(u64 n)
{
    u64 count = 0;
    for (u64 round = 0; round < n; round++) {
        for (u32 i = 0; i < sizeof bytes; i++)
            bytes[i] = 1;
        for (u32 p = 2; p * p < sizeof bytes; p++)
            if (bytes[p])
                for (u32 q = p * p; q < sizeof bytes; q += p)
                    bytes[q] = 0;
        count = 0;
        for (u32 i = 2; i < sizeof bytes; i++)
            count += bytes[i];
    }
    return count;
}

static u32 numbers[1 << 16];

static void sort(u32 *a, long low, long high)
{
    while (low < high) {
        u32 pivot = a[(low + high) / 2];
        long i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot)
                i++;
            while (a[j] > pivot)
                j--;
            if (i <= j) {
                u32 t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
        }
        if (j - low < high - i) {
            sort(a, low, j);
            low = i;
        } else {
            sort(a, i, high);
            high = j;
        }
    }
}

/* Quicksort of 65,536 numbers, n rounds. */
KERNEL kernel_sort(u64 n)
{
    u64 sum = 0;
    u32 x = 12345;
    for (u64 round = 0; round < n; round++) {
        for (u32 i = 0; i < 1 << 16; i++)
            numbers[i] = x = x * 1664525u + 1013904223u;
        sort(numbers, 0, (1 << 16) - 1);
        for (u32 i = 0; i < 1 << 16; i += 97)
            sum = sum * 31 + numbers[i];
    }
    return sum;
}

__attribute__((noinline, optimize("no-optimize-sibling-calls", "no-inline"))) static u64 fib(u64 n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/* Recursive calls. */
KERNEL kernel_calls(u64 n)
{
    return fib(n);
}

static double ma[64][64], mb[64][64], mc[64][64];

/* 64x64 double matrix product, n rounds. */
KERNEL kernel_matmul(u64 n)
{
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++) {
            ma[i][j] = (double)(i * 3 + j) / 64.0;
            mb[i][j] = (double)(i - j * 2) / 32.0;
        }
    for (u64 round = 0; round < n; round++)
        for (int i = 0; i < 64; i++)
            for (int j = 0; j < 64; j++) {
                double sum = mc[i][j] * 0.5;
                for (int k = 0; k < 64; k++)
                    sum += ma[i][k] * mb[k][j];
                mc[i][j] = sum;
            }
    union {
        double d;
        u64 u;
    } out;
    u64 check = 0;
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++) {
            out.d = mc[i][j];
            check = check * 31 + out.u;
        }
    return check;
}

/* A byte-code interpreter with a dispatch table (indirect jumps): n loop rounds. */
KERNEL kernel_bytecode(u64 n)
{
    static const u8 code[] = {0, 1, 2, 3, 4, 2, 5, 3, 1, 6};
    static const void *const table[] = {&&load, &&add, &&mix, &&shift, &&store, &&swap, &&loop};
    u64 a = 1, b = 2, cells[4] = {3, 5, 7, 11};
    u64 left = n;
    const u8 *pc = code;
#define NEXT goto *table[*pc++]
    NEXT;
load:
    a += cells[left & 3];
    NEXT;
add:
    a += b;
    NEXT;
mix:
    b ^= a * 3;
    NEXT;
shift:
    a = a << 7 | a >> 57;
    NEXT;
store:
    cells[b & 3] = a;
    NEXT;
swap : {
    u64 t = a;
    a = b;
    b = t;
    NEXT;
}
loop:
    if (--left) {
        pc = code;
        NEXT;
    }
    return a ^ b;
}

/* String and memory copies: n rounds over 64 KiB. */
KERNEL kernel_copy(u64 n)
{
    u64 sum = 0;
    for (u64 round = 0; round < n; round++) {
        for (u32 i = 0; i < 65535; i++)
            bytes[i] = (u8)((i & 63) + 1 + (round & 1));
        bytes[65535] = 0;
        memcpy(bytes + (1 << 17), bytes, 1 << 16);
        u8 *d = bytes + (1 << 18), *s = bytes + (1 << 17);
        while ((*d++ = *s++))
            ;
        sum = sum * 3 + (u64)(d - bytes) + bytes[(1 << 18) + (round & 0xffff)];
    }
    return sum;
}

struct node {
    struct node *next;
    u64 value;
};
static struct node nodes[1 << 14];

/* Linked list of 16,384 nodes in scattered order, walked n times. */
KERNEL kernel_list(u64 n)
{
    u32 at = 0;
    for (u32 i = 0; i < 1 << 14; i++) {
        u32 to = (at + 9973) & ((1 << 14) - 1);
        nodes[at].next = i + 1 < 1 << 14 ? &nodes[to] : 0;
        nodes[at].value = i * 2654435761u;
        at = to;
    }
    u64 sum = 0;
    for (u64 round = 0; round < n; round++)
        for (struct node *p = nodes; p; p = p->next)
            sum = (sum ^ p->value) + 1;
    return sum;
}

#ifdef GUEST
/* Entry: a kernel is started by pc = its symbol, n in the first argument register, and the return
 * address at `finish`, where every engine is told to stop. */
__attribute__((naked, used)) void finish(void)
{
    __asm__ volatile("nop\nnop");
}
#endif
