# Executable memory on Linux: one memfd mapped twice. Included by codemem.pyx; same functions as
# codemem_windows.pxi. Other Unixes answer "refused": the interpreter runs there.
cdef extern from *:
    """
    #ifndef _WIN32
    #include <stddef.h>
    #include <sys/mman.h>
    #include <unistd.h>
    #if defined(__linux__)
    #include <sys/syscall.h>
    #endif

    static int engine_code_map(size_t size, void **rw, void **rx) {
    #if defined(__linux__) && defined(SYS_memfd_create)
        int fd = (int)syscall(SYS_memfd_create, "engine-code", 1u /* MFD_CLOEXEC */);
        if (fd < 0) return 0;
        if (ftruncate(fd, (off_t)size)) { close(fd); return 0; }
        *rw = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        *rx = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
        close(fd);
        if (*rw != MAP_FAILED && *rx != MAP_FAILED) {
    #ifdef MADV_DONTFORK
            /* A shared mapping: a child that runs guest code would write over its parent's. */
            madvise(*rw, size, MADV_DONTFORK);
            madvise(*rx, size, MADV_DONTFORK);
    #endif
            return 1;
        }
        if (*rw != MAP_FAILED) munmap(*rw, size);
        if (*rx != MAP_FAILED) munmap(*rx, size);
        return 0;
    #else
        (void)size; (void)rw; (void)rx;
        return 0;
    #endif
    }

    static void engine_code_unmap(void *rw, void *rx, size_t size) {
        munmap(rw, size);
        munmap(rx, size);
    }
    #endif
    """
