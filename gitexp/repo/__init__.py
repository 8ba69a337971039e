"""The repository: Git itself, exact snapshots of the workspace, and experiments kept as refs."""
