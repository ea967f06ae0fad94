"""What every simulator shares: clock, storage, faults, limits, the request log and the server itself."""
