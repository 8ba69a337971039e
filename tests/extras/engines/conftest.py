"""The cluster of Slurm, for all tests of engines."""

from tests.support.slurm import slurm, slurm_cluster  # noqa: F401
