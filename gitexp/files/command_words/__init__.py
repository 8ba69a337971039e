"""The words of a command: options, overrides, launchers, secrets among them."""
