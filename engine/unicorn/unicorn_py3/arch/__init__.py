"""The per-architecture classes of unicorn's Python package."""
