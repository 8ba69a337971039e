"""The command line: one file a command, a few lines each. All talking is done here.

Start-up rule: imports stand at the top of a file. `main`, `registry` and `kit.help` import typer and the
errors alone. A command's module imports all that the command uses, and is loaded when the command is
asked for. So `--version`, `--help` and the completion of command names pay for no Git, YAML or rich.

Imports inside functions are exceptions, each with its reason beside it: a plain command must not pay for a
room that it does not use.
"""
