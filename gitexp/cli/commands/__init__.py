"""One command, one file: `register(app)` adds it to the command line."""
