# x86: CPU models by name and what CPUID says of them. Included by x86.pyx. Only what decodes is
# reported. SDM 2, CPUID; signatures: family, model, stepping of the named part.

ctypedef struct X86Model:
    const char *name
    uint32_t signature          # leaf 1, EAX
    uint64_t features           # X86F_*

cdef enum:                      # x86_models; each has what the ones before it have
    MODEL_8086 = 0
    MODEL_80186 = 1
    MODEL_80286 = 2
    MODEL_80386 = 3
    MODEL_486 = 4
    MODEL_PENTIUM = 5
    MODEL_PENTIUMPRO = 6
    MODEL_PENTIUM2 = 7
    MODEL_PENTIUM3 = 8
    MODEL_CORE2 = 9
    MODEL_NEHALEM = 10
    MODEL_HASWELL = 11
    MODEL_MAX = 12
    N_MODELS = 13

cdef X86Model x86_models[N_MODELS]

cdef extern from *:
    """
    static const char *engine_x86_model_names[] = {
        "8086", "80186", "80286", "80386", "486", "pentium", "pentiumpro", "pentium2", "pentium3",
        "core2", "nehalem", "haswell", "max", 0,
    };
    static const unsigned engine_x86_signatures[] = {
        0, 0, 0, 0x303, 0x480, 0x543, 0x619, 0x652, 0x686, 0x6fb, 0x106a5, 0x306c3, 0x506e3,
    };
    """
    const char *engine_x86_model_names[]
    const unsigned engine_x86_signatures[]


cdef void fill_models() noexcept nogil:
    cdef uint32_t k
    cdef uint64_t added[N_MODELS]
    memset(added, 0, sizeof(added))
    added[MODEL_80186] = X86F_i186
    added[MODEL_80286] = X86F_i286
    added[MODEL_80386] = X86F_i386
    added[MODEL_486] = X86F_i486
    added[MODEL_PENTIUM] = X86F_pentium
    added[MODEL_PENTIUMPRO] = X86F_i686 | X86F_cmov
    added[MODEL_PENTIUM2] = X86F_mmx
    added[MODEL_CORE2] = X86F_sse2 | X86F_sse3 | X86F_ssse3
    added[MODEL_NEHALEM] = X86F_popcnt | X86F_crc32 | X86F_rdtscp | X86F_sse41 | X86F_sse42
    added[MODEL_HASWELL] = (X86F_bmi1 | X86F_bmi2 | X86F_movbe | X86F_lzcnt | X86F_fsgsbase
                            | X86F_rdrand | X86F_aes | X86F_pclmul | X86F_avx | X86F_avx2
                            | X86F_fma | X86F_f16c)
    added[MODEL_MAX] = X86F_adx | X86F_rdseed | X86F_smap | X86F_sha
    for k in range(N_MODELS):
        x86_models[k].name = engine_x86_model_names[k]
        x86_models[k].signature = engine_x86_signatures[k]
        x86_models[k].features = added[k] | (x86_models[k - 1].features if k else 0)


cdef int model_number(const char *name) noexcept nogil:
    """-1: there is no such model."""
    cdef int k
    if name == NULL:
        return MODEL_MAX
    for k in range(N_MODELS):
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
    cdef bint is64 = s.bits == 64
    if leaf == 0:
        eax = 7 if have & X86F_i686 else 1
        ebx = 0x756e6547            # GenuineIntel
        edx = 0x49656e69
        ecx = 0x6c65746e
    elif leaf == 1:
        eax = x86_models[s.model].signature
        ebx = 8 << 8                # CLFLUSH line in quadwords
        # DE PSE TSC MSR PAE CX8; SEP PGE; PAT
        edx = ((0x17c if have & X86F_pentium else 0) | (0x12800 if have & X86F_i686 else 0)
               | bit_if(have, X86F_cmov, 15) | bit_if(have, X86F_sse2, 19)
               | bit_if(have, X86F_i386, 0) | bit_if(have, X86F_mmx, 23)
               | bit_if(have, X86F_sse2, 25) | bit_if(have, X86F_sse2, 26))
        ecx = (bit_if(have, X86F_rdrand, 30) | bit_if(have, X86F_movbe, 22)
               | bit_if(have, X86F_popcnt, 23)
               | (bit_if(have, X86F_sse2, 13) if is64 else 0) | bit_if(have, X86F_sse3, 0)
               | bit_if(have, X86F_pclmul, 1) | bit_if(have, X86F_ssse3, 9)
               | bit_if(have, X86F_sse41, 19) | bit_if(have, X86F_sse42, 20)
               | bit_if(have, X86F_aes, 25))
    elif leaf == 7 and sub == 0:
        # SMEP and SMAP
        ebx = (bit_if(have, X86F_rdseed, 18) | (0x100080 if have & X86F_smap else 0)
               | bit_if(have, X86F_bmi1, 3) | bit_if(have, X86F_bmi2, 8)
               | bit_if(have, X86F_adx, 19) | bit_if(have, X86F_sha, 29)
               | (bit_if(have, X86F_fsgsbase, 0) if is64 else 0))
    elif leaf == 0x80000000U:
        eax = 0x80000008U
    elif leaf == 0x80000001U:
        ecx = 1 | bit_if(have, X86F_lzcnt, 5)
        edx = bit_if(have, X86F_rdtscp, 27) | (1 << 11 | 1 << 20 | 1 << 29 if is64 else 0)
    elif leaf == 0x80000008U:
        eax = 0x3030 if is64 else 0x2020
    s.gpr[R_AX] = eax
    s.gpr[R_BX] = ebx
    s.gpr[R_CX] = ecx
    s.gpr[R_DX] = edx
    return ST_OK
