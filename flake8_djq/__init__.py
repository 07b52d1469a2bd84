"""flake8-djq: find risky Django queryset patterns before they run."""

__version__ = "0.1.0"
