"""Commands that run, and that look at what goes on."""
