# Integers in memory of either byte order, at any address.
# Lives here: loads and stores of 1, 2, 4 and 8 bytes whatever the host's own order is.
# Called by: mem/ (guest and device accesses), loaders.
from libc.string cimport memcpy
from engine._core.base.bits cimport bswap16, bswap32, bswap64
from engine._core.base.types cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from * nogil:
    """
    #ifndef ENGINE_BIG_HOST
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define ENGINE_BIG_HOST 1
    #else
    #define ENGINE_BIG_HOST 0
    #endif
    #endif
    """
    const bint BIG_HOST "ENGINE_BIG_HOST"

# size 1, 2, 4 or 8.
cdef inline uint64_t ld_bytes(const void *p, uint32_t size, bint be) noexcept nogil:
    cdef uint16_t h
    cdef uint32_t w
    cdef uint64_t d
    if size == 4:
        memcpy(&w, p, 4)
        return w if be == BIG_HOST else bswap32(w)
    if size == 8:
        memcpy(&d, p, 8)
        return d if be == BIG_HOST else bswap64(d)
    if size == 2:
        memcpy(&h, p, 2)
        return h if be == BIG_HOST else bswap16(h)
    return (<const uint8_t *>p)[0]

cdef inline void st_bytes(void *p, uint64_t v, uint32_t size, bint be) noexcept nogil:
    cdef uint16_t h
    cdef uint32_t w
    if size == 4:
        w = <uint32_t>v if be == BIG_HOST else bswap32(<uint32_t>v)
        memcpy(p, &w, 4)
    elif size == 8:
        if be != BIG_HOST:
            v = bswap64(v)
        memcpy(p, &v, 8)
    elif size == 2:
        h = <uint16_t>v if be == BIG_HOST else bswap16(<uint16_t>v)
        memcpy(p, &h, 2)
    else:
        (<uint8_t *>p)[0] = <uint8_t>v
