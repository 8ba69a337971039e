"""Text for a terminal, a pipe or a program: width, colours, pages, progress."""
