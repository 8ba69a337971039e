"""The model registry: versions of models and their stages, as annotated Git tags in the grammar of GTO."""
