"""Files for other programs that need a package: one module a format, each in the table of plugins."""
