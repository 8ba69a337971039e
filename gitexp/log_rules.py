"""What a script may log of its run: rules for the writer and the reader. The writer loads nothing else."""

STEP, TIME = "_step", "_time"  # the keys of a line of series that are no metrics
LONGEST_STEP = 2**63  # an array of steps has none beyond
LOST = "lost"  # an empty file beside the logged ones: not all could be written
GOES_ON = "goes-on.json"  # beside the logged files: the last steps of the run that this one goes on from
SUMMARIES = ("last", "best", "mean", "min", "max")  # which value of a series is for the table
LONGEST_TAG = 100  # characters


def is_tag(text: object) -> bool:
    """Whether a value can be a tag of an experiment."""
    return isinstance(text, str) and text.isprintable() and 0 < len(text.strip()) <= LONGEST_TAG
