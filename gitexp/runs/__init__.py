"""What gitexp can do: one verb, one file; data in, data out, nothing printed."""
