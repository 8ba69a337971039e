"""The values that an application of Hydra composes."""
