"""The development environment under `.dev/`: standard library only, run by the system's own python3."""
