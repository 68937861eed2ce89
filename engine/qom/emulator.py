"""The objects of an emulator: machine, CPU, memory regions, devices, as a tree of properties.

What lives here: the node types and how they follow the emulator. What does not: anything of the
object model itself. Who calls it: `Emulator.qom`, through `engine.util.factory`; the command line.

    /machine                    arch, closed, running
    /machine/cpu[0]             pc; links to what it uses
    /machine/cpu[0]/general     a property for each register of the group; so the other groups
    /machine/memory             the map; a child for each mapped range
    /machine/memory/ram[0]      address, size, perms (set: protects it), kind, name
    /machine/devices            a child for each mapped device, with a link to its region
    /machine/stats              the counters
    /machine/NAME[0]            a named region of engine.memory; below its owner, if an object

The nodes look at the emulator when they are asked; it knows nothing of them, so they cost a run
nothing. They refer to it weakly: the tree goes with the emulator, not the other way round. While
another thread runs the emulator the tree shows the map as last seen, and values cannot be read.
"""

from __future__ import annotations

import contextlib
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._core.api import Emulator, Prot, Region
from ..errors import ArgumentError, ClosedError, EngineBusyError
from .object import (
    Object,
    ObjectClass,
    ObjectProperty,
    TypeInfo,
    object_class_by_name,
    object_new,
    type_register,
)
from .properties import bool_property, int_property, link_property, str_property

if TYPE_CHECKING:
    from .._core.api.regions import MemoryRegion

__all__ = ["emulator_node", "escape_name"]

UINT64_MAX = (1 << 64) - 1


class Node(Object):
    """What all nodes share: the way to the emulator."""

    def __init__(self, klass: ObjectClass) -> None:
        super().__init__(klass)
        self.emulator: Callable[[], Emulator | None] = lambda: None

    def emu(self) -> Emulator:
        """The emulator; `ClosedError` when it is gone."""
        emu = self.emulator()
        if emu is None:
            raise ClosedError("the emulator of this object is gone")
        return emu

    def new_child(self, name: str, typename: str, **attributes: Any) -> Any:
        """Adds a node of a type below this one."""
        child = object_new(typename)
        assert isinstance(child, Node)
        child.emulator = self.emulator
        for attribute, value in attributes.items():
            setattr(child, attribute, value)
        child.connected()
        self.add_child(name, child)
        child.unref()
        return child

    def connected(self) -> None:
        """Called when the node knows its emulator."""


class BuiltRegion(Node):
    """A region of `engine.memory`: the node finds it by its number."""

    number = 0
    region_name = ""
    kind = ""

    def region(self) -> MemoryRegion:
        """The region; `ClosedError` when it is gone."""
        for region in built_regions(self.emu()):
            if region.number == self.number:
                return region
        raise ClosedError(f"the memory region {self.region_name!r} is gone")


class MachineNode(Node):
    """The machine. Named regions of `engine.memory` are its children, or their owners' (spec
    row 7)."""

    def __init__(self, klass: ObjectClass) -> None:
        super().__init__(klass)
        self.built: dict[int, tuple[Object, str]] = {}

    def refresh(self) -> None:
        emu = self.emulator()
        if emu is not None:
            with contextlib.suppress(EngineBusyError, ClosedError):
                self.follow(built_regions(emu))

    def follow(self, regions: list[MemoryRegion]) -> None:
        """Adds nodes for regions that are new and takes those away that are gone."""
        present = {region.number: region for region in regions if region.name}
        for number in [number for number in self.built if number not in present]:
            parent, name = self.built.pop(number)
            Object.delete_property(parent, name)
        for number, region in present.items():
            if number in self.built:
                continue
            node = object_new("built-memory-region")
            assert isinstance(node, BuiltRegion)
            node.emulator, node.number = self.emulator, number
            node.region_name, node.kind = region.name or "", region.kind
            parent = region.owner if isinstance(region.owner, Object) else self
            self.built[number] = parent, ""     # no look at properties comes back here
            Object.add_child(parent, escape_name(node.region_name) + "[*]", node)
            self.built[number] = parent, node.name or ""
            node.unref()


def built_regions(emu: Emulator) -> list[MemoryRegion]:
    """The regions of `engine.memory`, which is not loaded for those who use none."""
    module = sys.modules.get("engine._core.api.regions")
    return [] if module is None else list(module.all_regions(emu))


class CPUNode(Node):
    """A CPU: its pc here, its registers in a child for each group."""

    def connected(self) -> None:
        regs = self.emu().regs
        for group, names in regs.groups.items():
            self.new_child(escape_name(group), "register-group", names=names)


class RegisterGroup(Node):
    """A property for each register of a group."""

    names: tuple[str, ...] = ()

    def connected(self) -> None:
        regs = self.emu().regs
        for name in self.names:
            self.add_property(_register_property(name, regs.info(name).bits))


def _register_property(name: str, bits: int) -> ObjectProperty:
    def get(node: Node) -> int:
        return node.emu().regs[name]

    def set(node: Node, value: int) -> None:
        node.emu().regs[name] = value

    def get_wide(node: Node) -> str:
        return f"{get(node):#x}"

    def set_wide(node: Node, text: str) -> None:
        try:
            value = int(text, 0)
        except ValueError:
            raise ArgumentError(f"{text!r} is no number for register {name}") from None
        set(node, value)

    if bits > 64:
        return str_property(name, get_wide, set_wide)
    return int_property(name, "uint64", get, set, low=0, high=(1 << bits) - 1)


class StatsNode(Node):
    """A read-only property for each counter."""

    def connected(self) -> None:
        for name in self.emu().stats:
            self.add_property(int_property(name.replace("_", "-"), "uint64", self._getter(name)))

    @staticmethod
    def _getter(name: str) -> Callable[[Any], int]:
        return lambda node: int(node.emu().stats[name])


class RegionNode(Node):
    """A mapped range."""

    address = 0
    size = 0
    kind = ""
    region_name = ""

    def region(self) -> Region:
        """What is mapped there now."""
        for region in self.emu().memory.regions():
            if region.address == self.address and region.size == self.size:
                return region
        raise ClosedError(f"nothing of that size is mapped at {self.address:#x} any more")

    def perms_text(self) -> str:
        """As "r-x"."""
        perms = self.region().perms
        return "".join(letter if perms & bit else "-" for letter, bit in (
            ("r", Prot.READ), ("w", Prot.WRITE), ("x", Prot.EXEC)))

    def protect(self, perms: str) -> None:
        """Changes the permissions."""
        self.region()
        self.emu().memory.protect(self.address, self.size, perms)

    def unmap(self) -> None:
        """Takes the range out of the map; the object goes at the next look."""
        self.region()
        self.emu().memory.unmap(self.address, self.size)


class DeviceNode(Node):
    """A device behind a mapped range of kind "io"."""

    target: RegionNode

    def connected(self) -> None:
        self.add_property(link_property("memory", "memory-region", target=self.target,
                                        strong=False))


class MemoryNode(Node):
    """The map: its children are the mapped ranges, and the devices node gets those that are
    devices. Both follow the map when they are looked at."""

    devices: DevicesNode

    def __init__(self, klass: ObjectClass) -> None:
        super().__init__(klass)
        self.known: dict[tuple[int, int, str, str], tuple[RegionNode, DeviceNode | None]] = {}

    def refresh(self) -> None:
        emu = self.emulator()
        if emu is None:
            return
        with contextlib.suppress(EngineBusyError, ClosedError):
            self.follow(emu.memory.regions())

    def follow(self, regions: list[Region]) -> None:
        """Adds nodes for what is new and takes those away whose range is gone."""
        present = {(r.address, r.size, r.kind, r.name or ""): r for r in regions}
        for key in [key for key in self.known if key not in present]:
            node, device = self.known.pop(key)
            if device is not None:
                Object.delete_property(self.devices, device.name or "")
            Object.delete_property(self, node.name or "")
        for key in present:
            if key in self.known:
                continue
            address, size, kind, name = key
            label = escape_name(name or kind) + "[*]"
            node = self.new_child(label, f"{kind}-memory-region", address=address, size=size,
                                  kind=kind, region_name=name)
            device = None
            if kind == "io":
                device = self.devices.new_child(label, "device", target=node)
            self.known[key] = (node, device)


class DevicesNode(Node):
    """The devices."""

    memory: MemoryNode

    def refresh(self) -> None:
        self.memory.refresh()


def escape_name(name: str) -> str:
    """A region's name as part of a path: / [ \\ ] become a backslash, x and two digits (row 7)."""
    return "".join(f"\\x{ord(char):02x}" if char in "/[\\]" else char for char in name)


def _machine_class(klass: ObjectClass) -> None:
    klass.add_property(str_property("arch", lambda n: n.emu().arch or "",
                                    description="architecture"))
    klass.add_property(bool_property("running", lambda n: n.emu().running))
    klass.add_property(bool_property("closed", lambda n: n.emu().closed))


def _cpu_class(klass: ObjectClass) -> None:
    def set_pc(node: Node, value: int) -> None:
        node.emu().pc = value

    klass.add_property(int_property("pc", "uint64", lambda n: n.emu().pc, set_pc,
                                    description="program counter"))
    klass.add_property(int_property("index", "uint32", lambda n: 0))


def _built_class(klass: ObjectClass) -> None:
    def enable(node: BuiltRegion, value: bool) -> None:
        node.region().enabled = value

    klass.add_property(str_property("name", attribute="region_name", readonly=True))
    klass.add_property(str_property("kind", attribute="kind", readonly=True))
    klass.add_property(int_property("size", "uint64", lambda n: min(n.region().size, UINT64_MAX),
                                    description="bytes; 2**64 - 1 also for all of memory"))
    klass.add_property(int_property("address", "uint64", lambda n: n.region().address,
                                    description="offset in its container"))
    klass.add_property(int_property("priority", "int32", lambda n: n.region().priority))
    klass.add_property(str_property("container", lambda n: _name_of(n.region().parent)))
    klass.add_property(bool_property("enabled", lambda n: n.region().enabled, enable))


def _name_of(region: MemoryRegion | None) -> str:
    return "" if region is None else region.name or ""


def _region_class(klass: ObjectClass) -> None:
    klass.add_property(int_property("address", "uint64", attribute="address", readonly=True))
    klass.add_property(int_property("size", "uint64", lambda n: min(n.size, UINT64_MAX),
                                    description="bytes; 2**64 - 1 also for all of memory"))
    klass.add_property(str_property("perms", lambda n: n.perms_text(), lambda n, v: n.protect(v),
                                    description="permissions; setting them protects the range"))
    klass.add_property(str_property("kind", attribute="kind", readonly=True))
    klass.add_property(str_property("name", attribute="region_name", readonly=True))


type_register(TypeInfo("emulator-node", abstract=True, instance=Node))
type_register(TypeInfo("machine", "emulator-node", instance=MachineNode,
                       class_init=_machine_class))
type_register(TypeInfo("built-memory-region", "emulator-node", instance=BuiltRegion,
                       class_init=_built_class))
type_register(TypeInfo("cpu", "emulator-node", abstract=True, instance=CPUNode,
                       class_init=_cpu_class))
type_register(TypeInfo("register-group", "emulator-node", instance=RegisterGroup))
type_register(TypeInfo("emulator-stats", "emulator-node", instance=StatsNode))
type_register(TypeInfo("memory", "emulator-node", instance=MemoryNode))
type_register(TypeInfo("memory-region", "emulator-node", abstract=True, instance=RegionNode,
                       class_init=_region_class))
for _kind in ("ram", "buffer", "io"):
    type_register(TypeInfo(f"{_kind}-memory-region", "memory-region"))
type_register(TypeInfo("devices", "emulator-node", instance=DevicesNode))
type_register(TypeInfo("device", "emulator-node", instance=DeviceNode))


def emulator_node(emu: Emulator) -> Object:
    """The root of a new object tree of an emulator; `Emulator.qom` keeps one."""
    root = object_new("container")
    machine = object_new("machine")
    assert isinstance(machine, Node)
    machine.emulator = weakref.ref(emu)
    cpu_type = f"{emu.arch}-cpu"
    if object_class_by_name(cpu_type) is None:
        type_register(TypeInfo(cpu_type, "cpu"))
    root.add_child("machine", machine)
    machine.unref()
    cpu = machine.new_child("cpu[*]", cpu_type)
    memory: MemoryNode = machine.new_child("memory", "memory")
    devices: DevicesNode = machine.new_child("devices", "devices")
    memory.devices, devices.memory = devices, memory
    machine.new_child("stats", "emulator-stats")
    cpu.add_property(link_property("memory", "memory", target=memory, strong=False))
    memory.refresh()
    return root
