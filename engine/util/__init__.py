"""Utilities of the host for Python: string helpers, size parser, platform facts, log categories.

What lives here: what needs nothing of the engine but its errors. What does not: integer and bitmap
arithmetic (`engine._core.api.hostutil`, which the compiled core shares). Who calls it: everyone.
"""
