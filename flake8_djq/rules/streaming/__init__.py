"""DJQ3: streaming that does not stream."""
