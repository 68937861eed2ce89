# Address spaces, transactions, listeners, see topology.pxd.
# A view is rendered when it is next needed: by an access, or by the outermost commit if a listener
# wants to hear of ranges. A region that comes or goes without overlap changes the view in place.
# A transaction holds the views that it finds: it renders them at its begin, when the tree is still
# theirs.
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset, strlen
from engine._core.base.types cimport uint32_t
from engine._core.mem.context cimport (AddressSpace, FlatRange, FlatView, MemContext,
                                       MemoryListener, MemoryRegion, MemoryRegionSection)
from engine._core.mem.flatview cimport (flatview_continues, flatview_free, flatview_insert,
                                        flatview_leaves, flatview_lower, flatview_remove,
                                        flatview_render)

cdef enum:
    MAX_LEAVES = 8              # a subtree of more pieces is not worth the in-place way


cdef inline bint _wants(MemoryListener *who, AddressSpace *space) noexcept nogil:
    return who.address_space == NULL or who.address_space == space


# Whether somebody must be told of each range of this space.
cdef bint _observed(AddressSpace *space) noexcept nogil:
    cdef MemoryListener *who = space.ctx.listeners
    while who != NULL:
        if _wants(who, space) and (who.region_add != NULL or who.region_del != NULL
                                 or who.region_nop != NULL or who.log_start != NULL
                                 or who.log_stop != NULL):
            return True
        who = who.next
    return False


cdef FlatView *topology_render(AddressSpace *space) noexcept nogil:
    cdef FlatView *v = flatview_render(space.root)
    if v == NULL:
        return &space.empty
    space.view = v
    return v


# -- changes
cdef void _stale(AddressSpace *space) noexcept nogil:
    space.generation += 1
    if space.view == NULL:
        return
    if space.old == NULL and _observed(space):
        space.old = space.view
    else:
        flatview_free(space.view)
    space.view = NULL


# Both leave the view as a rendering would: neighbours that show one stretch of a region are one
# range.
cdef bint _insert_in_place(FlatView *v, FlatRange *leaf, int n) noexcept nogil:
    cdef FlatRange *r
    cdef uint32_t k
    cdef int i
    cdef bint joins
    for i in range(n):
        k = flatview_lower(v, leaf[i].lo)
        if k < v.nr and v.ranges[k].lo <= leaf[i].last:
            return False
    for i in range(n):
        k = flatview_lower(v, leaf[i].lo)
        r = v.ranges + k
        joins = k < v.nr and flatview_continues(leaf + i, r)
        if k and flatview_continues(r - 1, leaf + i):
            (r - 1).last = r.last if joins else leaf[i].last
            if joins:
                flatview_remove(v, k)
        elif joins:
            r.lo = leaf[i].lo
            r.offset = leaf[i].offset
        elif not flatview_insert(v, k, leaf + i):
            return False
    return True


# Whether the range shows all that the leaf shows, in the same way.
cdef inline bint _contains(const FlatRange *r, const FlatRange *leaf) noexcept nogil:
    return (r.lo <= leaf.lo and leaf.last <= r.last and r.mr == leaf.mr
            and r.offset + (leaf.lo - r.lo) == leaf.offset and r.romd_mode == leaf.romd_mode
            and r.readonly == leaf.readonly and r.prot == leaf.prot)


cdef bint _remove_in_place(FlatView *v, FlatRange *leaf, int n) noexcept nogil:
    cdef FlatRange *r
    cdef FlatRange tail
    cdef uint32_t k
    cdef int i
    if n and not v.disjoint:
        return False                # something may come to light
    for i in range(n):
        k = flatview_lower(v, leaf[i].lo)
        if k == v.nr or not _contains(v.ranges + k, leaf + i):
            return False
    for i in range(n):
        k = flatview_lower(v, leaf[i].lo)
        r = v.ranges + k
        tail = r[0]
        if r.lo == leaf[i].lo and r.last == leaf[i].last:
            flatview_remove(v, k)
            continue
        tail.offset += leaf[i].last + 1 - tail.lo
        tail.lo = leaf[i].last + 1
        if r.lo == leaf[i].lo:
            r[0] = tail
            continue
        r.last = leaf[i].lo - 1
        if tail.last > leaf[i].last and not flatview_insert(v, k + 1, &tail):
            return False
    return True


cdef void topology_changed(MemContext *ctx, MemoryRegion *mr, bint added) noexcept nogil:
    cdef FlatRange leaf[MAX_LEAVES]
    cdef AddressSpace *space = ctx.spaces
    cdef MemoryRegion *parent = mr.container if mr != NULL else NULL
    cdef bint simple = parent != NULL and parent.container == NULL and parent.n_aliases == 0
    cdef int n = -1
    cdef bint done
    ctx.update_pending = True
    if simple and parent.n_roots:
        n = flatview_leaves(mr, leaf, MAX_LEAVES)
    while space != NULL:
        # Without container and aliases, the parent is seen only by the spaces it is the root of.
        if not simple or space.root == parent:
            if ctx.transactions:
                space.held = True
                space = space.next
                continue
            done = False
            if n >= 0 and space.view != NULL and not _observed(space):
                space.generation += 1
                done = (_insert_in_place(space.view, leaf, n) if added
                        else _remove_in_place(space.view, leaf, n))
            if not done:
                _stale(space)
        space = space.next


cdef bint topology_keeps_old(MemContext *ctx) noexcept nogil:
    cdef AddressSpace *space = ctx.spaces
    while space != NULL:
        if space.held or space.old != NULL:
            return True
        space = space.next
    return False


cdef void topology_bury(MemContext *ctx) noexcept nogil:
    cdef MemoryRegion *mr
    while ctx.dying != NULL:
        mr = ctx.dying
        ctx.dying = mr.next_region
        ctx.region_end(mr)


cdef void memory_region_change_begin(MemContext *ctx) noexcept nogil:
    ctx.transaction_depth += 1


cdef void memory_region_change_commit(MemContext *ctx) noexcept nogil:
    cdef AddressSpace *space
    cdef MemoryListener *who
    cdef FlatView *old
    ctx.transaction_depth -= 1
    if ctx.transaction_depth or not ctx.update_pending:
        return
    ctx.update_pending = False
    who = ctx.listeners
    while who != NULL:
        if who.begin != NULL:
            who.begin(who)
        who = who.next
    space = ctx.spaces
    while space != NULL:
        if space.view == NULL and _observed(space):
            old = space.old
            space.old = NULL
            if old == NULL:
                old = &space.empty
            _tell(space, old, address_space_view(space))
            if old != &space.empty:
                flatview_free(old)
        elif space.old != NULL:         # who was to hear of it has gone
            flatview_free(space.old)
            space.old = NULL
        space = space.next
    who = ctx.listeners
    while who != NULL:
        if who.commit != NULL:
            who.commit(who)
        who = who.next
    if ctx.dying != NULL and not topology_keeps_old(ctx):
        topology_bury(ctx)


cdef void memory_region_transaction_begin(MemContext *ctx) noexcept nogil:
    cdef AddressSpace *space = ctx.spaces
    if ctx.transactions == 0:
        while space != NULL:
            address_space_view(space)
            space = space.next
    ctx.transactions += 1
    memory_region_change_begin(ctx)


cdef void memory_region_transaction_commit(MemContext *ctx) noexcept nogil:
    cdef AddressSpace *space = ctx.spaces
    if ctx.transactions == 0:
        return                          # no begin: nothing to end
    ctx.transactions -= 1
    if ctx.transactions == 0:
        while space != NULL:
            if space.held:
                space.held = False
                _stale(space)
            space = space.next
    memory_region_change_commit(ctx)


# -- listeners
cdef inline MemoryRegionSection _section(AddressSpace *space, const FlatRange *r) noexcept nogil:
    cdef MemoryRegionSection s
    s.mr = r.mr
    s.space = space
    s.offset_within_region = r.offset
    s.offset_within_address_space = r.lo
    s.last_within_address_space = r.last
    s.readonly = r.readonly
    return s


cdef enum:
    TELL_ADD = 0
    TELL_DEL = 1
    TELL_NOP = 2
    TELL_START = 3
    TELL_STOP = 4
    TELL_SYNC = 5


# Ascending priority for what comes, descending for what goes.
cdef void _call(AddressSpace *space, int what, const FlatRange *r, uint32_t old,
                uint32_t new) noexcept nogil:
    cdef MemContext *ctx = space.ctx
    cdef bint down = what == TELL_DEL or what == TELL_STOP
    cdef MemoryListener *who = ctx.listeners_last if down else ctx.listeners
    cdef MemoryRegionSection s = _section(space, r)
    while who != NULL:
        if _wants(who, space):
            if what == TELL_ADD and who.region_add != NULL:
                who.region_add(who, &s)
            elif what == TELL_DEL and who.region_del != NULL:
                who.region_del(who, &s)
            elif what == TELL_NOP and who.region_nop != NULL:
                who.region_nop(who, &s)
            elif what == TELL_START and who.log_start != NULL:
                who.log_start(who, &s, old, new)
            elif what == TELL_STOP and who.log_stop != NULL:
                who.log_stop(who, &s, old, new)
            elif what == TELL_SYNC and who.log_sync != NULL:
                who.log_sync(who, &s)
        who = who.prev if down else who.next


cdef inline bint _same(const FlatRange *a, const FlatRange *b) noexcept nogil:
    return (a.mr == b.mr and a.lo == b.lo and a.last == b.last and a.offset == b.offset
            and a.romd_mode == b.romd_mode and a.readonly == b.readonly and a.prot == b.prot)


# Differences in two passes: first all that goes, then all that comes or stays (row 75).
cdef void _tell(AddressSpace *space, FlatView *old, FlatView *new) noexcept nogil:
    cdef uint32_t i, k
    cdef int adding
    cdef FlatRange *a
    cdef FlatRange *b
    for adding in range(2):
        i = k = 0
        while i < old.nr or k < new.nr:
            a = old.ranges + i if i < old.nr else NULL
            b = new.ranges + k if k < new.nr else NULL
            if a != NULL and (b == NULL or a.lo < b.lo or (a.lo == b.lo and not _same(a, b))):
                if not adding:
                    _call(space, TELL_DEL, a, 0, 0)
                i += 1
            elif a != NULL and a.lo == b.lo:
                if adding:
                    _call(space, TELL_NOP, b, 0, 0)
                    if b.dirty_log_mask & ~a.dirty_log_mask:
                        _call(space, TELL_START, b, a.dirty_log_mask, b.dirty_log_mask)
                    if a.dirty_log_mask & ~b.dirty_log_mask:
                        _call(space, TELL_STOP, b, a.dirty_log_mask, b.dirty_log_mask)
                i += 1
                k += 1
            else:
                if adding:
                    _call(space, TELL_ADD, b, 0, 0)
                k += 1


cdef void memory_listener_register(MemContext *ctx, MemoryListener *who,
                                   AddressSpace *filter) noexcept nogil:
    cdef MemoryListener *at = ctx.listeners_last
    cdef AddressSpace *space = ctx.spaces
    cdef MemoryRegionSection s
    cdef FlatView *v
    cdef uint32_t i
    who.address_space = filter
    while at != NULL and at.priority > who.priority:
        at = at.prev
    who.prev = at
    who.next = at.next if at != NULL else ctx.listeners
    if who.prev != NULL:
        who.prev.next = who
    else:
        ctx.listeners = who
    if who.next != NULL:
        who.next.prev = who
    else:
        ctx.listeners_last = who
    if ctx.global_dirty_log and who.log_global_start != NULL:
        who.log_global_start(who)
    while space != NULL:
        if _wants(who, space):
            if who.begin != NULL:
                who.begin(who)
            if who.region_add != NULL or who.log_start != NULL:
                v = address_space_view(space)
                for i in range(v.nr):
                    s = _section(space, v.ranges + i)
                    if v.ranges[i].dirty_log_mask and who.log_start != NULL:
                        who.log_start(who, &s, 0, v.ranges[i].dirty_log_mask)
                    if who.region_add != NULL:
                        who.region_add(who, &s)
            if who.commit != NULL:
                who.commit(who)
        space = space.next


cdef void memory_listener_unregister(MemContext *ctx, MemoryListener *who) noexcept nogil:
    if who.prev != NULL:
        who.prev.next = who.next
    elif ctx.listeners == who:
        ctx.listeners = who.next
    else:
        return                  # was not registered
    if who.next != NULL:
        who.next.prev = who.prev
    else:
        ctx.listeners_last = who.prev
    who.next = NULL
    who.prev = NULL


cdef void memory_global_dirty_log_start(MemContext *ctx) noexcept nogil:
    cdef MemoryListener *who = ctx.listeners
    if ctx.global_dirty_log:
        return
    ctx.global_dirty_log = True
    while who != NULL:
        if who.log_global_start != NULL:
            who.log_global_start(who)
        who = who.next
    memory_region_change_begin(ctx)
    topology_changed(ctx, NULL, True)
    memory_region_change_commit(ctx)


cdef void memory_global_dirty_log_stop(MemContext *ctx) noexcept nogil:
    cdef MemoryListener *who
    if not ctx.global_dirty_log:
        return
    ctx.global_dirty_log = False
    memory_region_change_begin(ctx)
    topology_changed(ctx, NULL, True)
    memory_region_change_commit(ctx)
    who = ctx.listeners_last
    while who != NULL:
        if who.log_global_stop != NULL:
            who.log_global_stop(who)
        who = who.prev


cdef void address_space_sync_dirty_bitmap(AddressSpace *space) noexcept nogil:
    cdef FlatView *v = address_space_view(space)
    cdef uint32_t i
    for i in range(v.nr):
        _call(space, TELL_SYNC, v.ranges + i, 0, 0)


# -- address spaces
cdef inline void _root_owner(MemoryRegion *root, bint take) noexcept nogil:
    if root.owner != NULL:
        if take and root.ctx.owner_ref != NULL:
            root.ctx.owner_ref(root.owner)
        elif not take and root.ctx.owner_unref != NULL:
            root.ctx.owner_unref(root.owner)


cdef AddressSpace *address_space_new(MemContext *ctx, MemoryRegion *root,
                                     const char *name) noexcept nogil:
    cdef AddressSpace *space = <AddressSpace *>calloc(1, sizeof(AddressSpace))
    cdef AddressSpace **tail = &ctx.spaces
    cdef size_t n
    if space == NULL:
        return NULL
    space.ctx = ctx
    space.root = root
    if name != NULL:
        n = strlen(name)
        memcpy(space.name, name, n if n < 63 else 63)
    _root_owner(root, True)
    root.n_roots += 1
    while tail[0] != NULL:
        tail = &tail[0].next
    tail[0] = space
    memory_region_change_begin(ctx)
    ctx.update_pending = True
    memory_region_change_commit(ctx)
    return space


cdef void address_space_free(AddressSpace *space) noexcept nogil:
    cdef MemContext *ctx = space.ctx
    cdef AddressSpace **at = &ctx.spaces
    cdef FlatView *v = space.view if space.view != NULL else space.old
    if v != NULL and _observed(space):
        _tell(space, v, &space.empty)
    while at[0] != NULL and at[0] != space:
        at = &at[0].next
    if at[0] == space:
        at[0] = space.next
    flatview_free(space.view)
    flatview_free(space.old)
    space.root.n_roots -= 1
    _root_owner(space.root, False)
    if ctx.bounce_space == space:
        ctx.bounce_space = NULL
    # Whoever keeps translations of it (a TLB) lets go of them at the commit.
    memory_region_change_begin(ctx)
    ctx.update_pending = True
    memory_region_change_commit(ctx)
    memset(space, 0, sizeof(AddressSpace))
    free(space)
