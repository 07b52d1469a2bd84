"""DJQ5: settings and diagnostics that eat a batch job."""
