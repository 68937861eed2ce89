"""Looking at what a guest does: logs. Who calls it: the command line, users."""
