"""Edits as spans of text: how they are written, where their imports go, and how they reach the files."""
