"""What the settings modules of a project come to, read with `ast` alone: nothing is imported or run."""
