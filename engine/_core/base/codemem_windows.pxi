# Executable memory on Windows: one page-file section mapped twice. Included by codemem.pyx; same
# functions as codemem_posix.pxi.
cdef extern from *:
    """
    #ifdef _WIN32
    #include <windows.h>

    static int engine_code_map(size_t size, unsigned char **top, void **rw, void **rx) {
        HANDLE h = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_EXECUTE_READWRITE,
                                      (DWORD)((unsigned long long)size >> 32), (DWORD)size, NULL);
        if (!h) return 0;
        *rw = MapViewOfFile(h, FILE_MAP_WRITE, 0, 0, size);
        *rx = MapViewOfFile(h, FILE_MAP_READ | FILE_MAP_EXECUTE, 0, 0, size);
        CloseHandle(h);
        if (*rw && *rx) {
            *top = (unsigned char *)*rw;
            return 1;
        }
        if (*rw) UnmapViewOfFile(*rw);
        if (*rx) UnmapViewOfFile(*rx);
        return 0;
    }

    static void engine_code_unmap(void *rw, void *rx, size_t size) {
        (void)size;
        UnmapViewOfFile(rw);
        UnmapViewOfFile(rx);
    }
    #endif
    """
