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

    #include <pthread.h>
    #include <stdlib.h>
    #include <string.h>

    /* A child made by fork() needs pages of its own at the same addresses, with what was in them:
     * it may even be in the middle of a block, when a hook forks. Shared mappings stay out of the
     * child; the parent copies what is in use before the fork, the child puts it in place. */
    typedef struct engine_code {
        struct engine_code *next;
        char *rw, *rx, *copy;
        size_t size, used;
        unsigned char **top;            /* the owner's pointer to the first unused byte */
    } engine_code;

    static engine_code *engine_codes;
    static pthread_mutex_t engine_codes_lock = PTHREAD_MUTEX_INITIALIZER;

    #if defined(__linux__) && defined(SYS_memfd_create)
    static int engine_code_place(engine_code *c, int fixed) {
        int fd = (int)syscall(SYS_memfd_create, "engine-code", 1u /* MFD_CLOEXEC */);
        void *rw = MAP_FAILED, *rx = MAP_FAILED;
        if (fd < 0) return 0;
        if (!ftruncate(fd, (off_t)c->size)) {
            rw = mmap(c->rw, c->size, PROT_READ | PROT_WRITE, MAP_SHARED | fixed, fd, 0);
            rx = mmap(c->rx, c->size, PROT_READ | PROT_EXEC, MAP_SHARED | fixed, fd, 0);
        }
        close(fd);
        if (rw == MAP_FAILED || rx == MAP_FAILED) {
            if (rw != MAP_FAILED) munmap(rw, c->size);
            if (rx != MAP_FAILED) munmap(rx, c->size);
            return 0;
        }
        c->rw = (char *)rw;
        c->rx = (char *)rx;
    #ifdef MADV_DONTFORK
        madvise(rw, c->size, MADV_DONTFORK);
        madvise(rx, c->size, MADV_DONTFORK);
    #endif
        return 1;
    }

    static void engine_code_before_fork(void) {
        pthread_mutex_lock(&engine_codes_lock);
        for (engine_code *c = engine_codes; c; c = c->next) {
            c->used = (size_t)((char *)*c->top - c->rw);
            if (c->used > c->size) c->used = c->size;
            c->copy = c->used ? (char *)malloc(c->used) : NULL;
            if (c->copy) memcpy(c->copy, c->rw, c->used);
        }
    }

    static void engine_code_after_fork(void) {
        for (engine_code *c = engine_codes; c; c = c->next) {
            free(c->copy);
            c->copy = NULL;
        }
        pthread_mutex_unlock(&engine_codes_lock);
    }

    static void engine_code_in_child(void) {
        for (engine_code *c = engine_codes; c; c = c->next)
            if (engine_code_place(c, MAP_FIXED) && c->copy)
                memcpy(c->rw, c->copy, c->used);
        engine_code_after_fork();
    }
    #endif

    static int engine_code_map(size_t size, unsigned char **top, void **rw, void **rx) {
    #if defined(__linux__) && defined(SYS_memfd_create)
        static int watched;
        engine_code *c = (engine_code *)calloc(1, sizeof *c);
        if (!c) return 0;
        c->size = size;
        c->top = top;
        if (!engine_code_place(c, 0)) {
            free(c);
            return 0;
        }
        *rw = c->rw;
        *rx = c->rx;
        *top = (unsigned char *)c->rw;
        pthread_mutex_lock(&engine_codes_lock);
        c->next = engine_codes;
        engine_codes = c;
        if (!watched)
            watched = !pthread_atfork(engine_code_before_fork, engine_code_after_fork,
                                      engine_code_in_child);
        pthread_mutex_unlock(&engine_codes_lock);
        return 1;
    #else
        (void)size; (void)top; (void)rw; (void)rx;
        return 0;
    #endif
    }

    static void engine_code_unmap(void *rw, void *rx, size_t size) {
        pthread_mutex_lock(&engine_codes_lock);
        for (engine_code **p = &engine_codes; *p; p = &(*p)->next)
            if ((*p)->rw == (char *)rw) {
                engine_code *c = *p;
                *p = c->next;
                free(c);
                break;
            }
        munmap(rw, size);
        munmap(rx, size);
        pthread_mutex_unlock(&engine_codes_lock);
    }
    #endif
    """
