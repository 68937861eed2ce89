"""Boards: interrupt controllers and devices around a CPU. Who calls it: system emulation."""
