"""The engine for hosts that ssh reaches."""
