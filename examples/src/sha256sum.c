/* sha256sum: prints the SHA-256 digest of each file named (standard input when none is), in the
 * format of coreutils. Algorithm: FIPS 180-4, sections 5.1.1, 5.3.3 and 6.2. */
#include "sys.h"

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

static void compress(u32 h[8], const u8 *p)
{
    u32 w[64], v[8];
    for (int t = 0; t < 16; t++, p += 4)
        w[t] = (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
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
        v[7] = v[6], v[6] = v[5], v[5] = e;
        v[4] = v[3] + t1;
        v[3] = v[2], v[2] = v[1], v[1] = a;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        h[i] += v[i];
}

static u8 buffer[65536];

/* 0 and the digest as text, or -1 when reading fails. */
static int digest(long fd, char text[65])
{
    u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    u64 total = 0;
    size_t have = 0;
    for (;;) {
        long n = syscall4(SYS_read, fd, (long)(buffer + have), (long)(sizeof buffer - have), 0);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        total += (u64)n;
        have += (size_t)n;
        size_t used = 0;
        for (; have - used >= 64; used += 64)
            compress(h, buffer + used);
        have -= used;
        memcpy(buffer, buffer + used, have);
    }
    buffer[have++] = 0x80;
    while (have % 64 != 56)
        buffer[have++] = 0;
    for (int i = 0; i < 8; i++)
        buffer[have++] = (u8)(total * 8 >> (56 - 8 * i));
    for (size_t used = 0; used < have; used += 64)
        compress(h, buffer + used);
    for (int i = 0; i < 64; i++)
        text[i] = "0123456789abcdef"[h[i / 8] >> (28 - 4 * (i % 8)) & 15];
    text[64] = 0;
    return 0;
}

static int one(const char *name)
{
    char text[65];
    long fd = open_arg(name);
    if (fd < 0 || digest(fd, text) < 0)
        return complain("sha256sum", name);
    if (fd)
        syscall4(SYS_close, fd, 0, 0, 0);
    put(1, text);
    put(1, "  ");
    put(1, name);
    put(1, "\n");
    return 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    if (argc < 2)
        return one("-");
    for (int i = 1; i < argc; i++)
        status |= one(argv[i]);
    return status;
}
