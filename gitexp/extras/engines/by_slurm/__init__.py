"""The engine for Slurm."""
