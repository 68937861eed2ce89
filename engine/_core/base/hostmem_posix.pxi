# Host memory on Linux, macOS and the BSDs; compiles to nothing on Windows. Included by hostmem.pyx.
# Same functions as hostmem_windows.pxi.
cdef extern from *:
    """
    #ifndef _WIN32
    #include <errno.h>
    #include <stdint.h>
    #include <string.h>
    #include <sys/mman.h>
    #include <sys/stat.h>
    #include <unistd.h>
    #if !defined(MAP_ANONYMOUS) && defined(MAP_ANON)
    #define MAP_ANONYMOUS MAP_ANON
    #endif
    #ifndef MAP_NORESERVE
    #define MAP_NORESERVE 0
    #endif
    #define ENGINE_MAP_LAZY (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

    static size_t engine_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

    static void *engine_map(size_t size) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, ENGINE_MAP_LAZY, -1, 0);
        return p == MAP_FAILED ? NULL : p;
    }

    static void engine_unmap(void *p, size_t size) { munmap(p, size); }

    static int engine_discard(void *p, size_t size) {
        return mmap(p, size, PROT_READ | PROT_WRITE, ENGINE_MAP_LAZY | MAP_FIXED, -1, 0) == p;
    }

    /* The caller copies where the system cannot move pages. */
    static void *engine_move(void *p, size_t old_size, size_t new_size) {
    #if defined(__linux__) && defined(MREMAP_MAYMOVE)
        void *q = mremap(p, old_size, new_size, MREMAP_MAYMOVE);
        return q == MAP_FAILED ? NULL : q;
    #else
        (void)p; (void)old_size; (void)new_size;
        return NULL;
    #endif
    }

    /* Reserve, map inside, give back what is too much but one page. */
    static void *engine_ram_map(int fd, size_t size, size_t align, int shared, int *err) {
        size_t page = engine_page_size(), total = size + align, head;
        uint8_t *base, *p;
        int flags = shared ? MAP_SHARED : MAP_PRIVATE;
        struct stat st;
        if (total < size || align < page) { *err = align < page ? EINVAL : ENOMEM; return NULL; }
        if (fd != -1) {
            if (fstat(fd, &st)) { *err = errno; return NULL; }
            if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < size) { *err = EINVAL; return NULL; }
        } else {
            flags |= MAP_ANONYMOUS | MAP_NORESERVE;
        }
        base = mmap(NULL, total, PROT_NONE, ENGINE_MAP_LAZY, -1, 0);
        if (base == MAP_FAILED) { *err = errno; return NULL; }
        head = (size_t)(-(uintptr_t)base) & (align - 1);
        p = mmap(base + head, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
        if (p == MAP_FAILED) { *err = errno; munmap(base, total); return NULL; }
        if (head) munmap(base, head);
        if (total - head > size + page) munmap(p + size + page, total - head - size - page);
        return p;
    }

    static void engine_ram_unmap(void *p, size_t size) { munmap(p, size + engine_page_size()); }
    static void engine_close(int fd) { close(fd); }

    static size_t engine_ram_align(size_t size) {
        size_t page = engine_page_size();
    #if defined(__linux__) && (defined(__x86_64__) || defined(__arm__) || defined(__aarch64__))
        size_t want = (size_t)2 << 20;
    #elif defined(__linux__) && defined(__s390x__)
        size_t want = (size_t)1 << 20;
    #else
        size_t want = page;
    #endif
        return size >= want && want > page ? want : page;
    }
    #endif
    """
