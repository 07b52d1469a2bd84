"""Fixing: what the edits do to a text, and what the command does to files."""
