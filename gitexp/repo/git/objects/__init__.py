"""Git's objects: read by one process, and made here in packs."""
