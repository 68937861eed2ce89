"""I/O ports as Python sees them (see ports.pxd)."""
from engine._core.base.types cimport uint64_t
from engine._core.exec.engine cimport engine_ports_open
from engine._core.mem.context cimport MemoryRegion
from engine._core.mem.region cimport (memory_region_add_subregion, memory_region_del_subregion,
                                      memory_region_free, memory_region_new_io)
from engine._core.api.blocks cimport BLOCK_IO, Block, block_new, context_of, name_arg, refusal
from engine._core.api.core cimport Core, u64_arg
from engine._core.api.devices cimport Device, device_new

from engine.errors import ArgumentError, HostMemoryError, MapError, UnsupportedError

cdef enum:
    N_PORTS = 1 << 16


cdef Ports ports_new(Core core):
    cdef Ports ports = Ports.__new__(Ports)
    ports.core = core
    ports.mapped = []
    return ports


cdef class Ports:
    """The I/O ports of an x86 CPU, 0 to 0xffff: `emu.ports`.

    IN from a port that nothing claims reads all ones, OUT to it goes nowhere.
    """

    def map_io(self, first, count, read=None, write=None, *, name=None):
        """Claim ports: IN and INS call read(offset, size) -> int, OUT and OUTS write(offset, size,
        value).

        first, count: which ports; offset counts from first. size is 1, 2 or 4 bytes. With None the
        ports read all ones, or ignore what is written. What the functions raise comes out of
        run(). Raises `MapError` when one of the ports is claimed already, `UnsupportedError` for an
        architecture without ports. Intel SDM volume 1, chapter 19.
        """
        cdef uint64_t start, n
        cdef Block block
        cdef Device device
        cdef Core core = self.core
        cdef bytes encoded = name_arg(name)
        core.check()
        if core.arch not in ("x86_64", "i386", "x86_16"):
            raise UnsupportedError(f"{core.arch} has no I/O ports")
        start = u64_arg(first, "first")
        n = u64_arg(count, "count")
        if n == 0 or start >= N_PORTS or n > N_PORTS - start:
            raise ArgumentError(f"there are no {n} ports from {start:#x} on",
                                hint="ports are 0 to 0xffff")
        for at, length, _ in self.mapped:
            if at < start + n and start < at + length:
                raise MapError(f"port {max(at, start):#x} is claimed already")
        device = device_new(core, read, write, False)
        if not engine_ports_open(core.st.engine):
            raise HostMemoryError("the host has no memory left")
        block = block_new(core, BLOCK_IO, name)
        block.device = device
        block.size = n
        block.region = memory_region_new_io(context_of(core), &device.ops, &device.head, encoded, n)
        if block.region is NULL:
            raise MapError(refusal(core))
        memory_region_add_subregion(<MemoryRegion *>core.st.engine.io_memory, start, block.region)
        self.mapped.append((start, n, block))

    def unmap(self, first, count):
        """Give up ports, exactly as they were claimed. Raises `MapError` when no such claim is
        there."""
        cdef uint64_t start = u64_arg(first, "first"), n = u64_arg(count, "count")
        cdef Block block
        cdef Core core = self.core
        core.check()
        for index, (at, length, found) in enumerate(self.mapped):
            if at == start and length == n:
                block = found
                memory_region_del_subregion(<MemoryRegion *>core.st.engine.io_memory, block.region)
                memory_region_free(block.region)
                block.region = NULL
                del self.mapped[index]
                core.dead.append(block)         # its function may be what calls this
                return
        raise MapError(f"no claim of {n} ports at {start:#x}")

    def __iter__(self):
        """(first, count) of each claim."""
        self.core.check()
        return iter(sorted((at, length) for at, length, _ in self.mapped))

    def __len__(self):
        self.core.check()
        return len(self.mapped)
