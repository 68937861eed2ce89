# The neutral translation loop and its services for guests: see translator.pxd.
# Lives here: the line, its labels and exits, code fetch, hook calls, exceptions raised by code.
# Does not live here: any guest. Called by: exec/ and isa/<guest>/.
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from engine._core.base.bits cimport max64
from engine._core.base.types cimport (uint8_t, uint16_t, uint32_t, uint64_t, ram_addr_t, ST_OK,
                                      ST_FAULT)
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport (TB, CF_COUNT_MASK, CF_HOT, CF_NOCACHE, TB_MAX_INSNS)
from engine._core.ir.build_gen cimport (ir_br, ir_brcond, ir_brcond32, ir_goto_ptr, ir_goto_ret,
                                        ir_goto_tb, ir_leave, ir_push_ret)
from engine._core.ir.ir cimport (IR, IROp, HelperInfo, HF_STATUS, IR_FULL, IR_NONE, IR_OK, ir_call,
                                 ir_const, ir_count_blocks, ir_exit, ir_helper, ir_insert_before,
                                 ir_insn_start, ir_new_label, ir_pc, ir_place_label, ir_remove,
                                 ir_reset, TEMP_CONST)
from engine._core.ir.ops_gen cimport OP_callv, OP_label, OP_mov, OP_st8, cond_invert
from engine._core.isa.guest cimport (DISAS_NEXT, DISAS_NORETURN, DISAS_STOP, DISAS_TOO_MANY,
                                     DisasContext, GuestOps)
from engine._core.mem.access cimport access_fetch, get_page_addr_code

cdef enum:
    MAX_RESTARTS = 3                # leaders found too late, for guests with block_start

cdef extern from *:
    """
    #define ENGINE_NO_RAM 0xffffffffffffffffULL
    """
    const uint64_t NO_RAM "ENGINE_NO_RAM"


cdef Translator *translator_new(const GuestOps *guest) noexcept nogil:
    cdef Translator *tr = <Translator *>calloc(1, sizeof(Translator))
    if tr == NULL:
        return NULL
    tr.guest = guest
    tr.n_slots = (<uint32_t>1 << guest.page_bits) // guest.min_insn
    tr.insn_at = <uint16_t *>calloc(tr.n_slots, sizeof(uint16_t))
    tr.target_at = <uint16_t *>calloc(tr.n_slots, sizeof(uint16_t))
    tr.leader = <uint8_t *>calloc(tr.n_slots, 1)
    if tr.insn_at == NULL or tr.target_at == NULL or tr.leader == NULL:
        translator_free(tr)
        return NULL
    return tr


cdef void translator_free(Translator *tr) noexcept nogil:
    if tr == NULL:
        return
    free(tr.insn_at)
    free(tr.target_at)
    free(tr.leader)
    free(tr)


# ---------------------------------------------------------------- code fetch

cdef int open_page(Translator *tr, DisasContext *dc) noexcept nogil:
    """Where the block's code is: host pointer, RAM pages, how far the line may go."""
    cdef TB *tb = tr.tb
    cdef ram_addr_t ram_addr = NO_RAM
    cdef uint64_t avail = 0
    cdef uint64_t left = ~tr.page_mask + 1 - (tb.pc & ~tr.page_mask)
    cdef int status
    tr.host = NULL
    status = get_page_addr_code(&dc.cpu.tlb, tb.pc, <int>tr.guest.mmu_index(dc.cpu, True),
                                &tr.host, &ram_addr, &avail)
    if status != ST_OK:
        return status
    if tr.host == NULL:
        ram_addr = NO_RAM
        avail = left
    tb.phys_pc = ram_addr
    tb.page_addr[0] = ram_addr & tr.page_mask if ram_addr != NO_RAM else NO_RAM
    tb.page_addr[1] = NO_RAM
    tr.limit = tb.pc + (avail if avail < left else left)
    tr.page2 = 0
    tr.host2 = NULL
    tr.ram_addr2 = NO_RAM
    return ST_OK


cdef bint open_page2(Translator *tr, DisasContext *dc, uint64_t addr) noexcept nogil:
    """The first instruction goes on behind the limit."""
    cdef uint64_t avail = 0
    if tr.page2 == addr and (tr.host2 != NULL or tr.host == NULL):
        return True
    tr.status = get_page_addr_code(&dc.cpu.tlb, addr, <int>tr.guest.mmu_index(dc.cpu, True),
                                   &tr.host2, &tr.ram_addr2, &avail)
    if tr.status != ST_OK:
        dc.fetch_failed = 1
        return False
    tr.page2 = addr
    if tr.host2 == NULL:
        tr.ram_addr2 = NO_RAM
    return True


cdef inline uint64_t line_bytes(const Translator *tr) noexcept nogil:
    return tr.limit - tr.tb.pc      # the limit of the topmost page is 0


cdef uint64_t fetch(DisasContext *dc, uint64_t addr, uint32_t size) noexcept nogil:
    cdef Translator *tr = <Translator *>dc.tr
    cdef uint64_t value = 0, byte = 0, at = addr - tr.tb.pc, line = line_bytes(tr)
    cdef uint32_t i
    cdef uint8_t *p
    if tr.host != NULL and at < line and size <= line - at:
        p = tr.host + at
        for i in range(size):
            value |= <uint64_t>p[i] << (8 * i)
        return value
    if dc.n_insns:                  # a later instruction: the next block starts with it
        dc.fetch_failed = 1
        return 0
    for i in range(size):
        if at < line and tr.host != NULL:
            byte = tr.host[at]
        else:
            if at >= line and not open_page2(tr, dc, tr.limit & tr.word_mask):
                return 0
            if at >= line and tr.host2 != NULL:
                byte = tr.host2[at - line]
            else:
                tr.status = access_fetch(&dc.cpu.tlb, (tr.tb.pc + at) & tr.word_mask, 1,
                                         <int>tr.guest.mmu_index(dc.cpu, True), 0, &byte)
                if tr.status != ST_OK:
                    dc.fetch_failed = 1
                    return 0
        value |= (byte & 0xff) << (8 * i)
        at += 1
    return value


cdef uint32_t translator_ld8(DisasContext *dc, uint64_t addr) noexcept nogil:
    return <uint32_t>fetch(dc, addr, 1)


cdef uint32_t translator_ld16(DisasContext *dc, uint64_t addr) noexcept nogil:
    return <uint32_t>fetch(dc, addr, 2)


cdef uint32_t translator_ld32(DisasContext *dc, uint64_t addr) noexcept nogil:
    return <uint32_t>fetch(dc, addr, 4)


# ---------------------------------------------------------------- labels and exits

cdef inline bint stops_at(Translator *tr, uint64_t pc) noexcept nogil:
    return tr.args.stop_at != NULL and tr.args.stop_at(tr.args.cpu, pc)


cdef void emit_exit(Translator *tr, DisasContext *dc, uint64_t pc) noexcept nogil:
    """Go on at pc in another block. Chained only inside the block's pages: another page may be
    mapped elsewhere tomorrow without a word to the block cache."""
    cdef IR *ir = dc.ir
    pc &= tr.word_mask
    if tr.no_loops or stops_at(tr, pc):
        ir_leave(ir, ST_OK, ir_pc(ir, pc))
    elif ((pc ^ tr.tb.pc) & tr.page_mask == 0
          or tr.ram_addr2 != NO_RAM and (pc ^ tr.page2) & tr.page_mask == 0):
        ir_goto_tb(ir, ir_exit(ir, pc))
    else:
        ir_goto_ptr(ir, ir_const(ir, pc))


cdef uint32_t slot_of(Translator *tr, uint64_t pc) noexcept nogil:
    """Index of an address on the line, or IR_NONE."""
    cdef uint64_t offset = pc - tr.tb.pc
    if pc < tr.tb.pc or pc >= tr.limit or offset % tr.guest.min_insn:
        return IR_NONE
    return <uint32_t>(offset // tr.guest.min_insn)


cdef uint32_t insn_label(Translator *tr, DisasContext *dc, uint32_t number) noexcept nogil:
    """Label of a translated instruction, IR_NONE when it cannot have one any more."""
    cdef TransInsn *insn = &tr.insns[number]
    if insn.label != IR_NONE:
        return insn.label
    if tr.guest.block_start != NULL or insn.pinned:
        tr.leader[slot_of(tr, insn.pc)] = 1
        tr.restart = True
        return IR_NONE
    insn.label = ir_new_label(dc.ir)
    dc.ir.label_op[insn.label] = <uint16_t>ir_insert_before(dc.ir, insn.op, OP_label, 1,
                                                            &insn.label)
    return insn.label


cdef uint32_t target_label(Translator *tr, DisasContext *dc, uint64_t pc) noexcept nogil:
    """Label of a jump target: on the line, or an exit that follows the line."""
    cdef uint32_t slot = IR_NONE, label, i
    cdef TransTarget *target
    if not tr.no_loops:
        slot = slot_of(tr, pc)
    if slot != IR_NONE and stops_at(tr, pc):
        slot = IR_NONE
    if slot != IR_NONE:
        if tr.insn_at[slot]:
            label = insn_label(tr, dc, tr.insn_at[slot] - 1)
            if label != IR_NONE:
                return label
            slot = IR_NONE
        elif tr.target_at[slot]:
            return tr.targets[tr.target_at[slot] - 1].label
    if slot == IR_NONE:
        for i in range(tr.n_targets):
            if tr.targets[i].pc == pc and not tr.targets[i].inside:
                return tr.targets[i].label
    label = ir_new_label(dc.ir)
    if tr.n_targets >= TRANSLATE_TARGETS:
        dc.ir.status = IR_FULL
        return label
    target = &tr.targets[tr.n_targets]
    tr.n_targets += 1
    target.pc = pc
    target.label = label
    target.placed = 0
    target.inside = slot != IR_NONE
    if slot != IR_NONE:
        tr.target_at[slot] = <uint16_t>tr.n_targets
    return label


cdef void gen_jump(DisasContext *dc, uint64_t target) noexcept nogil:
    cdef Translator *tr = <Translator *>dc.tr
    cdef uint32_t slot = IR_NONE if tr.no_loops else slot_of(tr, target)
    cdef uint32_t label
    tr.jumped = True
    if slot != IR_NONE and not stops_at(tr, target):
        if tr.insn_at[slot]:
            label = insn_label(tr, dc, tr.insn_at[slot] - 1)
            if label != IR_NONE:
                ir_br(dc.ir, label)
                dc.is_jmp = DISAS_NORETURN
                return
        elif dc.cflags & CF_HOT or target == dc.pc_next:
            tr.follow = target
            tr.has_follow = True
            dc.is_jmp = DISAS_NEXT
            return
        elif tr.target_at[slot]:
            ir_br(dc.ir, tr.targets[tr.target_at[slot] - 1].label)
            dc.is_jmp = DISAS_NORETURN
            return
    emit_exit(tr, dc, target)
    dc.is_jmp = DISAS_NORETURN


cdef void gen_branch(DisasContext *dc, uint32_t cond, uint32_t a, uint32_t b, bint w32,
                     uint64_t target) noexcept nogil:
    cdef Translator *tr = <Translator *>dc.tr
    cdef uint32_t label = target_label(tr, dc, target)
    tr.jumped = True
    if w32:
        ir_brcond32(dc.ir, a, b, cond, label)
    else:
        ir_brcond(dc.ir, a, b, cond, label)


cdef void gen_jump_indirect(DisasContext *dc, uint32_t a) noexcept nogil:
    (<Translator *>dc.tr).jumped = True
    ir_goto_ptr(dc.ir, a)
    dc.is_jmp = DISAS_NORETURN


cdef void gen_push_return(DisasContext *dc, uint64_t pc) noexcept nogil:
    cdef Translator *tr = <Translator *>dc.tr
    if not tr.no_loops:             # such a block is not kept: nobody may return into its code
        ir_push_ret(dc.ir, ir_exit(dc.ir, pc & tr.word_mask))


cdef void gen_jump_return(DisasContext *dc, uint32_t a) noexcept nogil:
    (<Translator *>dc.tr).jumped = True
    ir_goto_ret(dc.ir, a)
    dc.is_jmp = DISAS_NORETURN


cdef bint translator_known(DisasContext *dc, uint32_t temp, uint64_t *value) noexcept nogil:
    cdef Translator *tr = <Translator *>dc.tr
    cdef IR *ir = dc.ir
    cdef IROp *op = &ir.ops[ir.ops[dc.insn_op].prev]
    # A hook on the instruction may change what the temp holds.
    if (ir.status != IR_OK or op.opc != OP_mov or op.args[0] != temp
            or ir.temps[op.args[1]].kind != TEMP_CONST
            or tr.args.hook_insn != NULL or tr.args.hook_number != NULL):
        return False
    tr.insns[tr.n_insns].pinned = 1
    value[0] = ir.temps[op.args[1]].value
    return True


cdef void gen_exit(DisasContext *dc, uint64_t pc) noexcept nogil:
    (<Translator *>dc.tr).jumped = True
    ir_leave(dc.ir, ST_OK, ir_pc(dc.ir, pc))
    dc.is_jmp = DISAS_NORETURN


# ---------------------------------------------------------------- exceptions

cdef uint64_t helper_raise(void *env, uint64_t index, uint64_t how, uint64_t value,
                           uint64_t pc) noexcept nogil:
    """how: reason | size << 8 | hint << 16. pc is that of the instruction."""
    cdef CPUHead *cpu = <CPUHead *>env
    memset(&cpu.fault, 0, sizeof(cpu.fault))
    cpu.exception_index = <int>index
    cpu.exception_pc = pc
    cpu.fault.addr = value
    cpu.fault.reason = <uint8_t>how
    cpu.fault.size = <uint8_t>(how >> 8)
    cpu.fault.hint = <uint16_t>(how >> 16)
    return ST_FAULT


cdef HelperInfo raise_info
raise_info.fn = helper_raise
raise_info.name = "raise"
raise_info.flags = HF_STATUS
raise_info.n_args = 4


cdef void call_raise(DisasContext *dc, uint32_t index, uint32_t reason, uint32_t hint,
                     uint32_t value) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint64_t size = dc.pc_next - dc.pc if dc.pc_next > dc.pc else 0
    ir_call(ir, &raise_info, IR_NONE, ir_const(ir, index),
            ir_const(ir, reason | (size & 0xff) << 8 | <uint64_t>hint << 16), value,
            ir_const(ir, dc.pc))


cdef bint translator_visits_end(DisasContext *dc) noexcept nogil:
    return (<Translator *>dc.tr).args.straight & STRAIGHT_REPEATS != 0


cdef bint translator_watches(DisasContext *dc) noexcept nogil:
    cdef Translator *tr = <Translator *>dc.tr
    cdef const TranslateArgs *args = tr.args
    # A block of one instruction may be one that is done again without the hooks it had.
    return (dc.cflags & CF_COUNT_MASK == 1 or stops_at(tr, dc.pc)
            or (args.hook_block != NULL and args.hook_block(args.cpu, dc.pc) != NULL)
            or (args.hook_insn != NULL and args.hook_insn(args.cpu, dc.pc) != NULL)
            or (args.hook_number != NULL
                and args.hook_number(args.cpu, dc.pc, dc.insn_number) != NULL))


cdef void gen_exception(DisasContext *dc, uint32_t index, uint32_t reason, uint32_t hint,
                        uint64_t value) noexcept nogil:
    (<Translator *>dc.tr).jumped = True
    call_raise(dc, index, reason, hint, ir_const(dc.ir, value))
    ir_leave(dc.ir, ST_FAULT, ir_pc(dc.ir, dc.pc))     # never reached: it ends the basic block
    dc.is_jmp = DISAS_NORETURN


cdef void gen_exception_if(DisasContext *dc, uint32_t cond, uint32_t a, uint32_t b, uint32_t index,
                           uint32_t reason, uint32_t hint, uint32_t value) noexcept nogil:
    cdef uint32_t skip = ir_new_label(dc.ir)
    ir_brcond(dc.ir, a, b, cond_invert(cond), skip)
    call_raise(dc, index, reason, hint, value)
    ir_place_label(dc.ir, skip)


# ---------------------------------------------------------------- the line

cdef bint begin_insn(Translator *tr, DisasContext *dc) noexcept nogil:
    """Label, insn_start and record of the instruction at dc.pc."""
    cdef uint32_t slot = slot_of(tr, dc.pc)
    cdef TransInsn *insn = &tr.insns[tr.n_insns]
    insn.pc = dc.pc
    insn.label = IR_NONE
    insn.pinned = 0
    if slot != IR_NONE and (tr.target_at[slot] or tr.leader[slot]):
        if tr.target_at[slot]:
            insn.label = tr.targets[tr.target_at[slot] - 1].label
            tr.targets[tr.target_at[slot] - 1].placed = 1
        else:
            insn.label = ir_new_label(dc.ir)
        ir_place_label(dc.ir, insn.label)
        if tr.guest.block_start != NULL:
            tr.guest.block_start(dc)
    ir_insn_start(dc.ir, dc.pc, 0, 0)
    insn.op = dc.ir.last_insn_op
    dc.insn_op = insn.op
    if slot != IR_NONE and dc.ir.status == IR_OK:
        tr.insn_at[slot] = <uint16_t>(tr.n_insns + 1)
    return dc.ir.status == IR_OK


cdef void undo_insn(Translator *tr, DisasContext *dc) noexcept nogil:
    """Take back an instruction that could not be fetched: nothing but its insn_start is there."""
    cdef uint32_t slot = slot_of(tr, dc.pc)
    while dc.ir.ops[0].prev >= dc.insn_op and dc.ir.ops[0].prev != 0:
        ir_remove(dc.ir, dc.ir.ops[0].prev)
    dc.ir.n_rows -= 1
    if slot != IR_NONE:
        tr.insn_at[slot] = 0


cdef bint next_start(Translator *tr, DisasContext *dc) noexcept nogil:
    """The flow ended: go on at a pending target, if that is wanted. Sets dc.pc."""
    cdef uint32_t i
    cdef uint64_t best = tr.limit
    cdef TransTarget *target
    for i in range(tr.n_targets):
        target = &tr.targets[i]
        if (target.inside and not target.placed and target.pc < best
                and (target.pc == dc.pc_next or dc.cflags & CF_HOT)):
            best = target.pc
    if best == tr.limit:
        return False
    dc.pc = best
    return True


cdef void end_line(Translator *tr, DisasContext *dc, uint64_t pc) noexcept nogil:
    if tr.guest.tb_stop != NULL:
        tr.guest.tb_stop(dc)
    emit_exit(tr, dc, pc)


cdef int translate_line(Translator *tr, DisasContext *dc, uint32_t max_insns) noexcept nogil:
    cdef TB *tb = tr.tb
    cdef IR *ir = dc.ir
    cdef TransInsn *insn
    cdef uint32_t slot
    cdef bint ended, may_go_on = True
    dc.pc = tb.pc
    while True:
        # One instruction.
        if not begin_insn(tr, dc):
            return ST_OK
        dc.pc_next = dc.pc
        dc.is_jmp = DISAS_NEXT
        dc.fetch_failed = 0
        dc.insn_number = IR_NONE
        tr.jumped = False
        tr.has_follow = False
        tr.guest.translate_insn(dc)
        if dc.fetch_failed:
            if dc.n_insns == 0:
                return tr.status
            undo_insn(tr, dc)
            end_line(tr, dc, dc.pc)
            dc.pc_next = tr.limit
            dc.is_jmp = DISAS_NORETURN
        else:
            insn = &tr.insns[tr.n_insns]
            insn.size = <uint16_t>(dc.pc_next - dc.pc)
            insn.number = dc.insn_number
            insn.last = tr.jumped or dc.is_jmp != DISAS_NEXT
            tr.n_insns += 1
            dc.n_insns = tr.n_insns
        if ir.status != IR_OK:
            return ST_OK
        # How it goes on.
        ended = True
        dc.pc = tr.follow if tr.has_follow else dc.pc_next
        if dc.is_jmp == DISAS_STOP:         # a jump that is followed may end its block, too
            if tr.guest.tb_stop != NULL:
                tr.guest.tb_stop(dc)
            ir_goto_ptr(ir, ir_const(ir, dc.pc & tr.word_mask))
        elif dc.is_jmp == DISAS_TOO_MANY:
            end_line(tr, dc, dc.pc)
        elif dc.is_jmp == DISAS_NEXT:
            slot = slot_of(tr, dc.pc)
            if slot != IR_NONE and tr.insn_at[slot]:
                # Only a line that followed jumps meets itself.
                if tr.guest.tb_stop != NULL:
                    tr.guest.tb_stop(dc)
                gen_jump(dc, dc.pc)
            elif (tr.n_insns >= max_insns or slot == IR_NONE or tr.host == NULL
                    or stops_at(tr, dc.pc)):
                end_line(tr, dc, dc.pc)
            else:
                ended = False
        if tr.n_insns >= max_insns or tr.host == NULL or tr.ram_addr2 != NO_RAM:
            may_go_on = False
        if ended and not (may_go_on and next_start(tr, dc)):
            return ST_OK


cdef void place_exits(Translator *tr, DisasContext *dc) noexcept nogil:
    cdef uint32_t i
    for i in range(tr.n_targets):
        if not tr.targets[i].placed:
            ir_place_label(dc.ir, tr.targets[i].label)
            emit_exit(tr, dc, tr.targets[i].pc)


# ---------------------------------------------------------------- hooks

cdef void insert_hook(Translator *tr, IR *ir, TransInsn *insn, uint32_t where,
                      const HelperInfo *h, uint64_t size) noexcept nogil:
    cdef uint32_t[5] v
    v[0] = ir_const(ir, insn.pc)
    v[1] = ir_const(ir, size)
    v[2] = ir_const(ir, insn.number)
    v[3] = IR_NONE
    if h.n_args < 3:
        v[2] = IR_NONE
    if h.n_args < 2:
        v[1] = IR_NONE
    if h.n_args < 1:
        v[0] = IR_NONE
    v[4] = ir_helper(ir, h)
    ir_insert_before(ir, where, OP_callv, 5, &v[0])


cdef void insert_cover(IR *ir, uint32_t where, uint32_t off) noexcept nogil:
    cdef uint32_t[2] v
    if off:
        v[0] = ir_const(ir, 1)
        v[1] = off
        ir_insert_before(ir, where, OP_st8, 2, &v[0])


cdef void insert_hooks(Translator *tr, IR *ir) noexcept nogil:
    """Calls of hook helpers behind each insn_start, now that sizes and leaders are known."""
    cdef const TranslateArgs *args = tr.args
    cdef const HelperInfo *h
    cdef TransInsn *insn
    cdef uint32_t i, j, where
    cdef uint64_t size
    if (args.hook_block == NULL and args.hook_insn == NULL and args.hook_number == NULL
            and args.cover == NULL):
        return
    for i in range(tr.n_insns):
        insn = &tr.insns[i]
        insn.first = (i == 0 or insn.label != IR_NONE or tr.insns[i - 1].last
                      or tr.insns[i - 1].pc + tr.insns[i - 1].size != insn.pc)
    for i in range(tr.n_insns):
        insn = &tr.insns[i]
        where = ir.ops[insn.op].next
        if insn.first and (args.hook_block != NULL or args.cover != NULL):
            h = NULL
            if args.hook_block != NULL:
                h = args.hook_block(args.cpu, insn.pc)
            if h != NULL or args.cover != NULL:
                size = insn.size
                j = i + 1
                while j < tr.n_insns and not tr.insns[j].first:
                    size += tr.insns[j].size
                    j += 1
                if args.cover != NULL:
                    insert_cover(ir, where, args.cover(args.cpu, insn.pc, size))
                if h != NULL:
                    insert_hook(tr, ir, insn, where, h, size)
        if args.hook_insn != NULL:
            h = args.hook_insn(args.cpu, insn.pc)
            if h != NULL:
                insert_hook(tr, ir, insn, where, h, insn.size)
        if args.hook_number != NULL and insn.number != IR_NONE:
            h = args.hook_number(args.cpu, insn.pc, insn.number)
            if h != NULL:
                insert_hook(tr, ir, insn, where, h, insn.size)


# ---------------------------------------------------------------- entry

cdef void fill_tb(Translator *tr) noexcept nogil:
    cdef TB *tb = tr.tb
    cdef uint64_t size = 0
    cdef uint32_t i
    for i in range(tr.n_insns):
        size = max64(size, tr.insns[i].pc - tb.pc + tr.insns[i].size)
    tb.lo = tb.pc
    tb.size = <uint32_t>size
    tb.icount = tr.n_insns
    if size > line_bytes(tr) and tr.ram_addr2 != NO_RAM:
        tb.page_addr[1] = tr.ram_addr2 & tr.page_mask
        if tb.page_addr[1] == tb.page_addr[0]:
            tb.page_addr[1] = NO_RAM


cdef int translate_block(const TranslateArgs *args, TB *tb, IR *ir) noexcept nogil:
    cdef Translator *tr = args.tr
    cdef DisasContext dc
    cdef uint32_t count = tb.cflags & CF_COUNT_MASK
    cdef uint32_t max_insns = TB_MAX_INSNS if tb.cflags & CF_HOT else TRANSLATE_FIRST_RUN
    cdef uint32_t restarts = 0
    cdef int status
    if count and count < max_insns:
        max_insns = count
    if args.max_insns and args.max_insns < max_insns:
        max_insns = args.max_insns
    memset(&dc, 0, sizeof(dc))
    dc.ir = ir
    dc.cpu = args.cpu
    dc.guest = tr.guest
    dc.tr = tr
    tr.args = args
    tr.tb = tb
    tr.page_mask = ~((1ULL << tr.guest.page_bits) - 1)
    tr.word_mask = 0xffffffffffffffffULL >> (64 - tr.guest.word_bits)
    tr.no_loops = count != 0 or tb.cflags & CF_NOCACHE != 0 \
        or args.straight & STRAIGHT_BLOCKS != 0
    memset(tr.leader, 0, tr.n_slots)
    status = open_page(tr, &dc)
    if status != ST_OK:
        return status
    if tr.host == NULL:             # the block is not kept: nothing may be chained to it
        tr.no_loops = True
    while True:
        ir_reset(ir)
        memset(tr.insn_at, 0, tr.n_slots * sizeof(uint16_t))
        memset(tr.target_at, 0, tr.n_slots * sizeof(uint16_t))
        tr.n_insns = 0
        tr.n_targets = 0
        tr.restart = False
        tr.status = ST_OK
        dc.pc_first = tb.pc
        dc.cs_base = tb.cs_base
        dc.tb_flags = tb.flags
        dc.cflags = tb.cflags
        dc.mmu_idx = args.cpu.mmu_idx
        dc.n_insns = 0
        dc.max_insns = max_insns
        dc.single_step = args.cpu.singlestep
        dc.pc = tb.pc
        if tr.guest.tb_start != NULL:
            tr.guest.tb_start(&dc)
        status = translate_line(tr, &dc, max_insns)
        if status != ST_OK:
            return status
        place_exits(tr, &dc)
        insert_hooks(tr, ir)
        if ir.status == IR_OK and tr.restart and restarts < MAX_RESTARTS:
            restarts += 1
            continue
        if ir.status != IR_OK and max_insns > 1:
            max_insns = (tr.n_insns if tr.n_insns < max_insns else max_insns) // 2
            if max_insns == 0:
                max_insns = 1
            continue
        break
    if ir.status == IR_OK:
        ir_count_blocks(ir)
    fill_tb(tr)
    return ST_OK
