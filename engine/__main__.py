"""`python -m engine`: the command line of engine.cli."""

from engine.cli import main

main()
