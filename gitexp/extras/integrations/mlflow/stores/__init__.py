"""The modules that import MLflow: its stores for the scheme `gitexp`. Only MLflow loads them."""
