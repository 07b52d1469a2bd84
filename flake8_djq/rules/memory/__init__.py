"""DJQ1: a whole result set in memory."""
