"""The environment variables that tell a command of its run."""

NAME = "GITEXP_NAME"  # the name of the experiment
RUN = "GITEXP_RUN"  # the folder of the live run, where the command logs
DISABLED = "GITEXP_DISABLED"  # set by the user: nothing is logged
RESUMED = "GITEXP_RESUMED"  # "1" for a run that goes on from another one; not set for all others
RESUMED_FROM = "GITEXP_RESUMED_FROM"  # the name of the experiment that it goes on from
RESUMED_STEP = "GITEXP_RESUMED_STEP"  # the last step that this one has logged, if any
ALL_RESUMED = (RESUMED, RESUMED_FROM, RESUMED_STEP)
