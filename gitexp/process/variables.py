"""The environment variables that tell a command of its run."""

NAME = "GITEXP_NAME"  # the name of the experiment
RUN = "GITEXP_RUN"  # the folder of the live run, where the command logs
DISABLED = "GITEXP_DISABLED"  # set by the user: nothing is logged
