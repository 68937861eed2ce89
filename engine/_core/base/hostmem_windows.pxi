# Host memory on Windows; compiles to nothing elsewhere. Included by hostmem.pyx.
# Same functions as hostmem_posix.pxi. Pages are committed when mapped: the system counts them
# against its commit limit, but they cost no physical memory until touched.
cdef extern from *:
    """
    #ifdef _WIN32
    #ifndef WIN32_LEAN_AND_MEAN
    #define WIN32_LEAN_AND_MEAN
    #endif
    #ifndef NOMINMAX
    #define NOMINMAX
    #endif
    #include <windows.h>
    #include <errno.h>
    #include <io.h>
    #include <stdint.h>
    #include <string.h>

    static size_t engine_page_size(void) {
        SYSTEM_INFO info;
        GetSystemInfo(&info);
        return info.dwPageSize;
    }

    static void *engine_map(size_t size) {
        return VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    }

    static void engine_unmap(void *p, size_t size) { (void)size; VirtualFree(p, 0, MEM_RELEASE); }

    static int engine_discard(void *p, size_t size) {
        if (!VirtualFree(p, size, MEM_DECOMMIT)) return 0;
        return VirtualAlloc(p, size, MEM_COMMIT, PAGE_READWRITE) == p;
    }

    static void *engine_move(void *p, size_t old_size, size_t new_size) {
        (void)p; (void)old_size; (void)new_size;
        return NULL;
    }

    /* The page after the committed part stays reserved and uncommitted: that is the guard. */
    static void *engine_ram_map(int fd, size_t size, size_t align, int shared, int *err) {
        void *p;
        size_t page = engine_page_size();
        (void)align; (void)shared;
        if (fd != -1) { *err = ENOTSUP; return NULL; }
        if (size + page < size) { *err = ENOMEM; return NULL; }
        p = VirtualAlloc(NULL, size + page, MEM_RESERVE, PAGE_NOACCESS);
        if (p && !VirtualAlloc(p, size, MEM_COMMIT, PAGE_READWRITE)) {
            VirtualFree(p, 0, MEM_RELEASE);
            p = NULL;
        }
        if (!p) *err = ENOMEM;
        return p;
    }

    static void engine_ram_unmap(void *p, size_t size) { engine_unmap(p, size); }
    static void engine_close(int fd) { _close(fd); }
    /* Reservations start at multiples of 64 KiB anyway. */
    static size_t engine_ram_align(size_t size) { (void)size; return 65536; }
    #endif
    """
