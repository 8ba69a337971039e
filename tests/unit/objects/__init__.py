"""The object store, what is hashed for it, and what comes back from it: on real files, without Git."""
