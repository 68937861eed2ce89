# x86: CPU models by name and what CPUID says of them. Included by x86.pyx. Only what decodes is
# reported. SDM 2, CPUID; signatures: family, model, stepping of the named part.

ctypedef struct X86Model:
    const char *name
    uint32_t signature          # leaf 1, EAX
    uint64_t features           # X86F_*

cdef X86Model x86_models[9]

cdef extern from *:
    """
    static const char *engine_x86_model_names[] = {
        "80286", "80386", "486", "pentium", "pentiumpro", "core2", "haswell", "max", 0,
    };
    """
    const char *engine_x86_model_names[]


cdef void fill_models() noexcept nogil:
    cdef uint32_t k
    cdef uint64_t have = X86F_i186
    for k in range(8):
        x86_models[k].name = engine_x86_model_names[k]
        if k == 1:
            have |= X86F_i386 | X86F_fpu
            x86_models[k].signature = 0x300
        elif k == 2:
            have |= X86F_i486
            x86_models[k].signature = 0x480
        elif k == 3:
            have |= X86F_pentium
            x86_models[k].signature = 0x543
        elif k == 4:
            have |= X86F_i686 | X86F_cmov
            x86_models[k].signature = 0x619
        elif k == 5:
            have |= X86F_sse2 | X86F_mmx | X86F_sse3 | X86F_ssse3
            x86_models[k].signature = 0x6fb
        elif k == 6:
            have |= (X86F_bmi1 | X86F_bmi2 | X86F_movbe | X86F_popcnt | X86F_lzcnt | X86F_rdtscp
                     | X86F_fsgsbase | X86F_crc32 | X86F_sse41 | X86F_sse42 | X86F_aes
                     | X86F_pclmul | X86F_avx | X86F_avx2 | X86F_fma | X86F_f16c)
            x86_models[k].signature = 0x306c3
        elif k == 7:
            have |= X86F_adx | X86F_sha
            x86_models[k].signature = 0x506e3
        x86_models[k].features = have


cdef int model_number(const char *name) noexcept nogil:
    """-1: there is no such model."""
    cdef int k
    if name == NULL:
        return 7
    for k in range(8):
        if strcmp(name, x86_models[k].name) == 0:
            return k
    return -1


cdef inline uint32_t bit_if(uint64_t have, uint64_t feature, uint32_t bit) noexcept nogil:
    return <uint32_t>1 << bit if have & feature else 0


cdef uint64_t helper_cpuid(void *env, uint64_t a, uint64_t b, uint64_t c,
                           uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint32_t leaf = <uint32_t>s.gpr[R_AX], sub = <uint32_t>s.gpr[R_CX]
    cdef uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0
    cdef uint64_t have = s.features
    cdef bint is64 = s.mode == X86_MODE_64
    if leaf == 0:
        eax = 7 if have & X86F_i686 else 1
        ebx = 0x756e6547            # GenuineIntel
        edx = 0x49656e69
        ecx = 0x6c65746e
    elif leaf == 1:
        eax = x86_models[s.model].signature
        ebx = 8 << 8                # CLFLUSH line in quadwords
        edx = (bit_if(have, X86F_pentium, 4) | bit_if(have, X86F_pentium, 8)
               | bit_if(have, X86F_cmov, 15) | bit_if(have, X86F_sse2, 19)
               | bit_if(have, X86F_fpu, 0) | bit_if(have, X86F_mmx, 23)
               | bit_if(have, X86F_sse2, 25) | bit_if(have, X86F_sse2, 26))
        ecx = (bit_if(have, X86F_movbe, 22) | bit_if(have, X86F_popcnt, 23)
               | (bit_if(have, X86F_sse2, 13) if is64 else 0) | bit_if(have, X86F_sse3, 0)
               | bit_if(have, X86F_pclmul, 1) | bit_if(have, X86F_ssse3, 9)
               | bit_if(have, X86F_sse41, 19) | bit_if(have, X86F_sse42, 20)
               | bit_if(have, X86F_aes, 25))
    elif leaf == 7 and sub == 0:
        ebx = (bit_if(have, X86F_bmi1, 3) | bit_if(have, X86F_bmi2, 8) | bit_if(have, X86F_adx, 19)
               | bit_if(have, X86F_sha, 29)
               | (bit_if(have, X86F_fsgsbase, 0) if is64 else 0))
    elif leaf == 0x80000000U:
        eax = 0x80000008U
    elif leaf == 0x80000001U:
        ecx = 1 | bit_if(have, X86F_lzcnt, 5)
        edx = bit_if(have, X86F_rdtscp, 27) | (1 << 11 | 1 << 29 if is64 else 0)
    elif leaf == 0x80000008U:
        eax = 0x3030 if is64 else 0x2020
    s.gpr[R_AX] = eax
    s.gpr[R_BX] = ebx
    s.gpr[R_CX] = ecx
    s.gpr[R_DX] = edx
    return ST_OK
