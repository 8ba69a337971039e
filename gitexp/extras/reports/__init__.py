"""Reports: documents about experiments as HTML, PDF, LaTeX and Markdown, and comments on pull requests.

A template gives Markdown with pieces in it (tables, plots, code); `markdown.py` makes a document of it, and
each module of `writers` writes one format. Texts of experiments are texts in all of them, never markup.
"""
