"""DJQ4: walking a table in pages."""
