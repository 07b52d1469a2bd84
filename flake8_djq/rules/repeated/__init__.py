"""DJQ2: the same rows fetched more than once."""
