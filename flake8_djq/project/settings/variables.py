"""What environment variables are read with, and which texts mean yes or no."""

from __future__ import annotations

import re

from flake8_djq.patterns import Pattern

__all__ = [
    "ABOUT_DEBUG",
    "DEVELOPMENT_COMMANDS",
    "FALSE_TEXTS",
    "GETS_BOOLEAN",
    "PLATFORM",
    "READS_BOOLEAN",
    "READS_VARIABLE",
    "TO_BOOL",
    "TRUE_TEXTS",
]

TRUE_TEXTS = frozenset(("1", "true", "t", "yes", "y", "on"))
FALSE_TEXTS = frozenset(("0", "false", "f", "no", "n", "off", ""))

# Functions of any origin that turn a text into a boolean.
TO_BOOL = Pattern(
    r"^_?(str(ing)?_?(to|2)_?bool(ean)?|to_?bool(ean)?|parse_?bool(ean)?|as_?bool(ean)?|bool(ean)?_from_str(ing)?"
    r"|is_?truthy|is_?true|truthy|boolean)$",
    re.IGNORECASE,
)
# Functions of any origin that read a boolean, or a text, from the environment: `get_env_bool("DEBUG", True)`.
READS_BOOLEAN = Pattern(r"env\w*bool|bool\w*env", re.IGNORECASE)
READS_VARIABLE = Pattern(
    r"^_?(get_?)?(env|environ|from_env|env_(str|var|variable|setting)|getenv|config)$|^_?get_str(ing)?$", re.IGNORECASE
)
# The same for functions that only say that they read a boolean: `get_bool("DEBUG", True)`. configparser's `getboolean`
# is none of them: what follows there is the name of an option.
GETS_BOOLEAN = Pattern(r"^_?(get|read)(_bool|_boolean|Bool)(_?(setting|var|variable))?$")
# Variables that a hosting platform or a shell sets: there, "missing" means "on a developer's machine". And the one that
# Django finds a settings module by: whoever reads it there finds it set.
PLATFORM = Pattern(
    r"^_?(CI|DYNO|RENDER|VERCEL|RAILWAY|GAE|GOOGLE|K|FLY|AWS|AZURE|WEBSITE|HEROKU|PLATFORM|PYTHONANYWHERE|KUBERNETES"
    r"|GITHUB|GITLAB|TRAVIS|HOST|HOSTNAME|COMPUTERNAME|USER|USERNAME|HOME|PWD|PATH|LOGNAME|SHELL)(_|$)"
    r"|^DJANGO_SETTINGS_MODULE$"
)
ABOUT_DEBUG = Pattern(r"DEBUG|DEV", re.IGNORECASE)
# `"test" in sys.argv`: commands that neither production nor batch work runs.
DEVELOPMENT_COMMANDS = frozenset(
    (
        *("test", "test_coverage", "testserver", "pytest", "py.test", "jenkins", "harvest", "behave"),
        *("runserver", "runserver_plus"),
    )
)
