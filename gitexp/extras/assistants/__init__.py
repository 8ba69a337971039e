"""Assistants: a server and a skill for programs that write code."""
