"""The command line: one file a command, a few lines each; all talking is done here.

Start-up rule: modules here import typer, the errors and each other at the top, and what a command
does (the rooms below, rich through `cli.kit.render`) inside the command. So `--version`, `--help` and
completion do not pay for GitPython, YAML and rich.
"""
