"""The bytes of a model: where they are, and which file is the model."""
