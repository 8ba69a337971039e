"""Versions of models in the forms of tools that serve models. No model is loaded or run here."""
