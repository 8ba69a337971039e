"""The dashboard: pages drawn from a handful of JSON documents, which are a function of the repository.

`gitexp ui` serves them, `gitexp ui --export DIR` writes the very same pages and documents as files. `pages`
lists the pages, `documents` makes the documents, `server` serves them behind `guard`.
"""
