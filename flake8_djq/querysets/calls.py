"""Functions and methods beside the QuerySet API: what loops, collects and wraps, and what changes nothing."""

from __future__ import annotations

import ast
import builtins
import sys

from flake8_djq.patterns import Pattern
from flake8_djq.source import Source, dotted_name, last_name

__all__ = [
    "ASK",
    "COLLECTORS",
    "CONSUMERS",
    "LOGGERS",
    "MANAGER_EVIDENCE",
    "MODEL_NAME",
    "OUTPUT",
    "PICKERS",
    "PIECES",
    "QUERY_EVIDENCE",
    "SPECIAL",
    "SUBQUERIES",
    "WRAPPERS",
    "gives_plain",
    "is_custom_query",
    "is_harmless",
    "is_output",
    "shows_query",
]

# Builtins that put all rows into a new collection.
COLLECTORS = frozenset({"list", "set", "tuple", "sorted", "frozenset", "dict"})
# Builtins that loop to the end (or to the first answer) and keep no rows.
CONSUMERS = frozenset({"any", "all", "sum", "min", "max"})
# Lazy wrappers, by name and by which arguments they loop over once they are looped over themselves.
WRAPPERS: dict[str, slice] = {
    "enumerate": slice(0, 1),
    "zip": slice(0, None),
    "zip_longest": slice(0, None),
    "map": slice(1, None),
    "filter": slice(1, None),
    "reversed": slice(0, 1),
    "iter": slice(0, 1),
    "chain": slice(0, None),
    "islice": slice(0, 1),
    "tqdm": slice(0, 1),
    "trange": slice(0, 1),
    "progressbar": slice(0, 1),
    "alive_it": slice(0, 1),
    "track": slice(0, 1),
    "chunked": slice(0, 1),
    "batched": slice(0, 1),
    "ichunked": slice(0, 1),
}
# Of these, the ones whose items are the items of their first argument.
SAME_ITEMS = frozenset({"reversed", "iter", "chain", "islice", "tqdm", "progressbar", "alive_it", "track", "filter"})

# Expressions that take a queryset as a part of a query and leave it unevaluated.
SUBQUERIES = frozenset({"Subquery", "ArraySubquery", "Exists", "Prefetch", "OuterRef", "Q", "FilteredRelation"})
# Functions that pick from a list again and again.
PICKERS = frozenset({"choice", "choices", "sample", "shuffle"})
# Those that hand out pieces of what they loop over.
PIECES = frozenset({"islice", "chunked", "batched", "ichunked", "iter"})

# The names of functions and classes that are known wherever they come from.
SPECIAL = frozenset({*COLLECTORS, *CONSUMERS, *WRAPPERS, *SUBQUERIES, *PICKERS})

# Names under which models are passed around.
MODEL_NAME = Pattern(r"(^|_)(model|klass|cls|model_?class|model_?cls)$|model$|Model$")

# Query methods that, called like this on an attribute of a model or a row, show that the attribute is a manager.
MANAGER_EVIDENCE = frozenset(
    {"all", "filter", "exclude", "annotate", "order_by", "select_related", "prefetch_related", "values_list"}
    | {"in_bulk", "bulk_create", "bulk_update", "get_or_create", "update_or_create", "aggregate", "only", "defer"}
    | {"distinct", "iterator", "aiterator", "select_for_update", "using", "none", "get_queryset"}
)
NO_ARGUMENTS = frozenset(
    {"count", "exists", "first", "last", "acount", "aexists", "afirst", "alast", "all", "iterator"}
)
# Of these, the ones that ask the database and have no look-alike without arguments.
ASK = frozenset({"count", "exists", "acount", "aexists"})
ONLY_KEYWORDS = frozenset({"get", "create", "aget", "acreate", "filter", "exclude"})
# Query methods that no look-alike has, whatever they are called on.
QUERY_EVIDENCE = frozenset({"select_related", "prefetch_related", "values_list", "select_for_update"})

LOGGERS = frozenset({"debug", "info", "warning", "warn", "error", "critical", "exception", "log"})
OUTPUT = LOGGERS | {
    "print",
    "write",
    "echo",
    "secho",
    "tqdm",
    "progressbar",
    "set_description",
    "notice",
    "msg",
    "success",
}

HARMLESS_NAMES = frozenset(vars(builtins)) - {"exec", "eval", "input", "open"} | {
    "_",
    "gettext",
    "ugettext",
    "format_html",
}
HARMLESS_METHODS = (
    OUTPUT
    | {
        name
        for kind in (str, bytes, list, dict, set, frozenset, tuple, int, float)
        for name in dir(kind)
        if name[0] != "_"
    }
    | {
        "get_or_none",
        "isoformat",
        "strftime",
        "strptime",
        "date",
        "now",
        "today",
        "timestamp",
        "total_seconds",
        "group",
    }
    | {"SUCCESS", "ERROR", "NOTICE", "WARNING", "match", "search", "fullmatch", "sub", "astimezone", "refresh_from_db"}
    | {"appendleft", "popleft", "writerow", "writerows", "add_argument", "as_sql", "flush", "close", "get_absolute_url"}
) - {"update", "delete", "remove", "clear", "add"}
# Waiting for others, and programs that may do anything.
HARMFUL_MODULES = frozenset(
    {"subprocess", "time", "os", "threading", "multiprocessing", "concurrent", "asyncio", "importlib"}
)


def is_harmless(call: ast.Call, source: Source) -> bool:
    """Whether a call of something outside the file certainly changes no row: builtins, the standard library, output."""
    func = call.func
    if isinstance(func, ast.Name) and func.id in HARMLESS_NAMES:
        return True
    resolved = source.resolve(func)
    top = resolved.partition(".")[0]
    if top in sys.stdlib_module_names:
        return top not in HARMFUL_MODULES
    if resolved.startswith(("django.utils.", "django.db.models.", "django.conf.", "django.urls.")):
        return True
    last = func.attr if isinstance(func, ast.Attribute) else resolved
    if last[:1].isupper():
        # A class is called: objects are built, not saved.
        return True
    return isinstance(func, ast.Attribute) and func.attr in HARMLESS_METHODS


# Builtins whose result holds none of their arguments: numbers, texts, truths, and attributes.
PLAIN_NAMES = frozenset(
    {"abs", "all", "any", "ascii", "bin", "bool", "bytes", "callable", "chr", "delattr", "divmod", "float", "format"}
    | {"getattr", "hasattr", "hash", "hex", "id", "int", "isinstance", "issubclass", "len", "oct", "ord", "pow"}
    | {"range", "repr", "round", "setattr", "str", "sum", "type"}
    | {"_", "gettext", "ugettext"}
)
# Functions of others like that, and modules of which all are.
PLAIN_FUNCTIONS = frozenset({"model_to_dict", "slugify"})
PLAIN_MODULES = frozenset(
    {"base64", "binascii", "datetime", "decimal", "fractions", "hashlib", "hmac", "html", "json", "locale", "math"}
    | {"os", "pickle", "re", "statistics", "string", "struct", "textwrap", "time", "unicodedata", "urllib", "uuid"}
    | {"zlib"}
)
PLAIN_METHODS = OUTPUT | {
    "isoformat",
    "strftime",
    "strptime",
    "dumps",
    *(name for kind in (str, bytes, int, float) for name in dir(kind) if name[0] != "_"),
}
# Query methods that note only the key of a row which they are given by name.
BY_KEY = frozenset({"aget", "exclude", "filter", "get"})


def gives_plain(call: ast.Call, source: Source) -> bool:
    """Whether what a call gives certainly holds none of its arguments: ``str(row)``, ``json.dumps(row)``."""
    func = call.func
    if is_output(call) or (isinstance(func, ast.Name) and func.id in PLAIN_NAMES):
        return True
    resolved = source.resolve(func)
    if resolved.partition(".")[0] in PLAIN_MODULES or resolved.startswith(("django.utils.", "django.urls.")):
        return True
    last = func.attr if isinstance(func, ast.Attribute) else resolved.rpartition(".")[2]
    if last in PLAIN_FUNCTIONS:
        return True
    by_key = last in BY_KEY and not call.args
    return isinstance(func, ast.Attribute) and (by_key or last in PLAIN_METHODS)


def is_output(call: ast.Call) -> bool:
    """Whether a call writes to a log, the terminal or a progress bar."""
    func = call.func
    last = last_name(func)
    return last in OUTPUT or "rogress" in last


def shows_query(call: ast.Call, name: str) -> bool:
    """Whether calling a method of this name with these arguments shows that the attribute is a manager."""
    if name in NO_ARGUMENTS:
        return not call.args and not call.keywords
    if name in ONLY_KEYWORDS:
        return _only_lookups(call)
    return name in MANAGER_EVIDENCE


def _only_lookups(call: ast.Call) -> bool:
    conditions = all(
        isinstance(node, ast.Call) and dotted_name(node.func).rpartition(".")[2] in ("Q", "Exists")
        for argument in call.args
        for node in _operands(argument)
    )
    return conditions and bool(call.args or call.keywords)


def _operands(node: ast.expr) -> list[ast.expr]:
    """The parts of ``a | b & ~c``."""
    if isinstance(node, ast.BinOp):
        return _operands(node.left) + _operands(node.right)
    if isinstance(node, ast.UnaryOp):
        return _operands(node.operand)
    return [node]


# Custom methods of managers and querysets whose names say that they give a queryset of as many rows.
CUSTOM_QUERY = Pattern(
    r"^(annotate|with|without|prefetch|prefetched|select|include|including|exclude|excluding|order|ordered|sorted|only|not|non)(_|$)"
    r"|^(active|inactive|published|unpublished|live|public|private|visible|hidden|enabled|disabled|available|valid|invalid|open"
    r"|closed|pending|processed|unprocessed|paid|unpaid|deleted|undeleted|archived|expired|alive|dead|approved|everything)$"
)


def is_custom_query(name: str, call: ast.Call) -> bool:
    """Whether a custom method of a manager or queryset reads like a filter: ``published()``, ``with_totals()``."""
    return not call.args and not call.keywords and bool(CUSTOM_QUERY.search(name))
