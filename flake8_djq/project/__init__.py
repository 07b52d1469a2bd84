"""What the rest of the project says: models, functions, callers, settings. It never imports or runs what it reads."""
