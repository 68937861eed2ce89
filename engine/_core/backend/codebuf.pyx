# The code buffer, see codebuf.pxd. Spec rows 20, 21, 48.
from libc.stdlib cimport free
from libc.string cimport memset
from engine._core.base.types cimport uint8_t, uint64_t
from engine._core.base.hostmem cimport hostmem_map, hostmem_unmap
from engine._core.base.codemem cimport codemem_map, codemem_unmap
from engine._core.backend.backend cimport BackendOps, CodeBuffer, CODE_MARGIN


cdef bint code_buffer_init(CodeBuffer *buf, const BackendOps *backend,
                           uint64_t size) noexcept nogil:
    memset(buf, 0, sizeof(CodeBuffer))
    if size <= 4 * CODE_MARGIN:
        return False
    if backend.executable:
        buf.base = codemem_map(size, &buf.ptr, &buf.rx_delta)
        buf.executable = True
    else:
        buf.base = <uint8_t *>hostmem_map(size)
    if buf.base == NULL:
        return False
    buf.ptr = buf.base
    buf.size = size
    buf.high_water = buf.base + size - CODE_MARGIN
    return True


cdef void code_buffer_free(CodeBuffer *buf) noexcept nogil:
    if buf.base != NULL:
        if buf.executable:
            codemem_unmap(buf.base, buf.size, buf.rx_delta)
        else:
            hostmem_unmap(buf.base, buf.size)
    free(buf.scratch)
    memset(buf, 0, sizeof(CodeBuffer))
