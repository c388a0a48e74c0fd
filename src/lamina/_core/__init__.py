"""The engine, from floor 0 up; ARCHITECTURE.md gives the reading order."""
