"""Reading experiments back from Python: values, curves, files, code, and data frames of them."""
