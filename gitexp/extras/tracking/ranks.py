"""The rank of this process in distributed training, from what its launcher has put into the environment."""

from __future__ import annotations

import os

# torchrun and Lightning, Open MPI, MPICH and Intel MPI, MVAPICH; Slurm last: it numbers plain jobs too.
_VARIABLES = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")


def rank() -> int:
    """The number of this process among those of one training; 0 for training in one process."""
    for variable in _VARIABLES:
        text = os.environ.get(variable, "")
        if text.isascii() and text.isdigit():
            return int(text)
    return 0
