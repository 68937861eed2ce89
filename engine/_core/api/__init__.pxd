# `cimport engine._core.api`: the classes of the native API for Cython users.
from engine._core.api.core cimport Core
from engine._core.api.emulator cimport Emulator, check_layout, emulator_engine
from engine._core.api.memory cimport Memory
from engine._core.api.ports cimport Ports
from engine._core.api.registers cimport Registers
from engine._core.api.hooks cimport Hook
