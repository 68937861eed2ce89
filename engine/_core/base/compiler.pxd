# What is the compiler's and not the machine's: branch hints, assertions at build time, conversion
# from a member to the struct around it.
# Lives here: likely, unlikely, build_assert, container_of, upcast's check, and for verbatim C the
# macros ENGINE_PASTE, ENGINE_STRINGIFY, ENGINE_BUILD_ASSERT. Does not live here: arithmetic
# (bits.pxd). Called by: everyone; it needs nothing of the project.
cdef extern from * nogil:
    """
    #ifndef ENGINE_COMPILER_SHIM
    #define ENGINE_COMPILER_SHIM
    #include <stddef.h>
    #if defined(__GNUC__) || defined(__clang__)
    #define engine_likely(x) __builtin_expect(!!(x), 1)
    #define engine_unlikely(x) __builtin_expect(!!(x), 0)
    #else
    #define engine_likely(x) (x)
    #define engine_unlikely(x) (x)
    #endif
    #define ENGINE_PASTE2(a, b) a##b
    #define ENGINE_PASTE(a, b) ENGINE_PASTE2(a, b)
    #define ENGINE_STRINGIFY2(a) #a
    #define ENGINE_STRINGIFY(a) ENGINE_STRINGIFY2(a)
    /* At file scope; an array of -1 elements stops the compiler. */
    #define ENGINE_BUILD_ASSERT(c) \\
        typedef char ENGINE_PASTE(engine_build_assert_, __LINE__)[(c) ? 1 : -1]
    /* As a statement. */
    #define ENGINE_BUILD_ASSERT_STMT(c) ((void)sizeof(char[(c) ? 1 : -1]))
    #endif
    """
    bint likely "engine_likely"(bint x)
    bint unlikely "engine_unlikely"(bint x)
    # Of constants (sizeof, enum members, numbers). False: the C compiler refuses the module.
    void build_assert "ENGINE_BUILD_ASSERT_STMT"(bint condition) noexcept


# The struct that has its member at `offset` where `member` points:
#     <Outer *>container_of(inner, <size_t>&(<Outer *>NULL).inner)
# A cast to the outer struct without container_of needs the member at offset 0; member_is_first
# tells, of the same offset.
cdef inline void *container_of(const void *member, size_t offset) noexcept nogil:
    return <void *>(<const char *>member - offset)


cdef inline bint member_is_first(size_t offset) noexcept nogil:
    return offset == 0
