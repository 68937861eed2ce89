"""A CPU emulation engine for Python."""
