"""The files and settings of other tools in a project: DVC, Hydra, Jupyter."""
