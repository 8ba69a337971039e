"""Large files by their content: hashing, the object store, remotes. No word of Git or experiments here."""
