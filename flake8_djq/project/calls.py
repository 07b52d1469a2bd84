"""What the functions of one file call, as far as the file itself tells, and where batch work enters it.

Nothing of other files is known here: a call is kept as the dotted name that the imports of the file give it, and
:mod:`flake8_djq.project.reach` puts the files together. A call of anything else, such as a method of a parameter, is
left out: by its name alone it could be anybody's.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flake8_djq.context import COMMAND_PATH, QUEUES, Contexts, Kind
from flake8_djq.options import Options
from flake8_djq.patterns import Pattern
from flake8_djq.source import Function, FunctionNode, Source, dotted_name, last_name

__all__ = ["MODULE", "NOTHING", "FileCalls", "file_calls", "short_name"]

# The name of the code outside functions, class bodies included.
MODULE = "<module>"


class FileCalls(NamedTuple):
    """The calls of one file. Lists and texts alone, so that JSON can hold it: ``FileCalls(*json.loads(text))``.

    A *reference* is a dotted name: absolute (``search.engine.rebuild``), or of the object that a method belongs to
    (``self.fetch``, ``super.fetch``). ``()`` behind a part means that it is called: ``search.Indexer().run()``; a
    function that is only handed on, as a callback, stands without it.
    """

    # Every function, as Source.functions names it, and MODULE: the references that its body calls or hands on.
    functions: dict[str, list[str]]
    # Every class and the references of its bases; "" for a base that is no plain name.
    classes: dict[str, list[str]]
    # What other names of the file (``rebuild``) and of its classes (``Order.objects``) stand for; "" for a name that is
    # defined more than once, so that nobody can tell which definition a call means.
    names: dict[str, str]
    # The modules of ``from ... import *``.
    stars: list[str]
    # The functions with which batch work starts, and the words for it: ``manage.py reindex``.
    entries: dict[str, str]
    # The same for functions of other files, by reference: what a migration or a scheduler of this file runs.
    handed: dict[str, str]
    # As ``functions``: what they call only where a parameter has one value of several: ``if kind == "daily":``, and
    # ``if notify:`` with ``notify=False``. That is up to their callers, and with an entry to the user.
    optional: dict[str, list[str]]


# Of a file that has none: a file of tests, or one that Python cannot parse.
NOTHING = FileCalls({}, {}, {}, [], {}, {}, {})

# Parts of the tree that do not run with the code around them, or hold no code.
NO_CODE = frozenset(
    {"annotation", "arg", "attr", "asname", "ctx", "id", "kind", "level", "module", "name", "names", "op", "ops"}
    | {"rest", "returns", "type_comment", "type_params"}
)
# Calls that take a function without calling it: they keep it, compare it, look at it or make a URL of it.
KEEP_ONLY = Pattern(
    r"^(_?(dis|re)?connect|(un|de)?register\w*|reverse(_lazy)?|redirect|re_path|path|url|resolve\w*|patch|object"
    r"|signal|is(instance|subclass|function|method|coroutinefunction)|[gs]etattr|hasattr|delattr|add_argument|wraps"
    r"|update_wrapper|append|add|insert|remove|setdefault|get_?source\w*|getfullargspec|signature|print|repr|str|len|type"
    r"|id|assert\w*|debug|info|warn(ing)?|error|exception|format|deconstruct|\w*_(url|route|link|path)(_for)?|url_for)$"
)
# An object keeps what it is made with, as a route keeps its view, unless it is there to run it.
CLASS_NAME = Pattern(r"^_*[A-Z]\w*[a-z]")
RUNNERS = frozenset({"Process", "Thread", "Timer"})
BUILTINS = frozenset(dir(builtins))
# How long a chain of attributes, calls and names may be; querysets make long ones, and nothing of them is known here.
DEEPEST = 8
# Whose functions nobody needs to follow; without them the calls of a project take a third less room.
NOT_OURS = ("django.",)
NO_VALUE = "None"
# These take functions of other files, and their names as text, too.
QUEUES_ELSEWHERE = (*QUEUES, "enqueue", "schedule")
DOTTED = Pattern(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class _Children(dict[type, tuple[str, ...]]):
    """The parts of a kind of node to look into."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        self[kind] = tuple(name for name in getattr(kind, "_fields", ()) if name not in NO_CODE)
        return self[kind]


CHILDREN = _Children()
# The nodes that need more than a look into their parts.
SPECIAL = frozenset(
    {ast.Attribute, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef}
    | {ast.ClassDef, ast.arg, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping, ast.If, ast.IfExp}
)


class _Uses:
    """What a piece of code calls, and the attributes of its own object that it names: one may be a property."""

    def __init__(self) -> None:
        self.calls: list[ast.Call] = []
        self.own_attributes: set[str] = set()


class _Scope:
    """The names that one function, class body or module binds, and what it uses: always, or on a condition."""

    def __init__(self, parent: _Scope | None, this: str = "") -> None:
        self.parent = parent
        self.this = this
        self.uses = _Uses()
        self.optional_uses = _Uses()
        # The parameters, those of them that are off unless a caller says otherwise, and ``**words``.
        self.parameters: frozenset[str] = frozenset()
        self.switches: frozenset[str] = frozenset()
        self.words: frozenset[str] = frozenset()
        self.bound: dict[str, list[str | ast.expr]] = {}
        self.known: dict[str, str] = {}
        if this:
            self.bound[this] = ["self"]

    def bind(self, name: str, target: str | ast.expr) -> None:
        """One more meaning of a name: a reference, an expression, or "" for one that nobody can tell."""
        self.bound.setdefault(name, []).append(target)


def file_calls(source: Source, module: str) -> FileCalls:
    """The calls of a file that is imported as ``module``; nothing of a file of tests."""
    contexts = Contexts(source, Options())
    whole = contexts.whole_file
    if whole is not None and whole.kind is Kind.TESTS:
        return NOTHING
    return _Reader(source, module, contexts).read()


class _Reader:
    """One file being read."""

    def __init__(self, source: Source, module: str, contexts: Contexts) -> None:
        self._source = source
        self._module = module
        self._contexts = contexts
        self._stars: list[str] = []
        self._top = _Scope(None)
        self._scopes = [self._top]
        # More than one body where a class is defined twice.
        self._classes: dict[str, list[tuple[ast.ClassDef, _Scope]]] = {}
        # What methods assign to the attributes of their object, by class and attribute.
        self._attributes: dict[str, list[tuple[ast.expr, _Scope]]] = {}

    def read(self) -> FileCalls:
        functions = self._source.functions
        self._scan_outside()
        outside = self._scopes[:]
        scopes = [self._scan_function(function) for function in functions]
        references = {MODULE: {name for scope in outside for name in self._references(scope, scope.uses)}}
        optional: dict[str, set[str]] = {}
        for function, scope in zip(functions, scopes, strict=True):
            references.setdefault(function.name, set()).update(self._references(scope, scope.uses))
            found = set(self._references(scope, scope.optional_uses))
            if found:
                optional.setdefault(function.name, set()).update(found)
        entries, handed = self._entries(), self._handed()
        return FileCalls(
            {name: sorted(found) for name, found in references.items()},
            {name: [self._base(base) for base in bodies[-1][0].bases] for name, bodies in self._classes.items()},
            self._names(),
            self._stars,
            entries,
            handed,
            {name: sorted(found - references[name]) for name, found in optional.items()},
        )

    # -- collecting names and calls ---------------------------------------------------------------------------------

    def _scan_outside(self) -> None:
        """The code outside functions. Classes inside classes count by their own name, as in Source.functions."""
        pending = [(self._source.tree.body, self._top)]
        while pending:
            body, scope = pending.pop()
            for inner in self._scan(body, scope, ""):
                inside = _Scope(self._top)
                self._scopes.append(inside)
                self._classes.setdefault(inner.name, []).append((inner, inside))
                pending.append((inner.body, inside))

    def _scan_function(self, function: Function) -> _Scope:
        node = function.node
        this = _this(function)
        scope = _Scope(self._top, this)
        self._scopes.append(scope)
        arguments = node.args
        for argument in [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]:
            if argument is not None and argument.arg != this:
                scope.bind(argument.arg, "")
        scope.parameters = frozenset(scope.bound) - {this}
        scope.switches = frozenset(_switches(arguments))
        scope.words = frozenset([arguments.kwarg.arg] if arguments.kwarg is not None else ())
        self._scan(node.body, scope, function.owner.name if function.owner else "", inside=True)
        return scope

    def _scan(self, body: Sequence[ast.AST], scope: _Scope, owner: str, inside: bool = False) -> list[ast.ClassDef]:
        """Note what a body binds and calls. Functions and classes are entered only ``inside`` a function.

        Returns the classes that were not entered. Every node of every file passes here, hence no helpers in the loop.
        """
        classes: list[ast.ClassDef] = []
        calls, children = scope.uses.calls, CHILDREN
        pending: list[ast.AST] = list(body)
        while pending:
            node = pending.pop()
            kind = node.__class__
            if kind is ast.Name:
                if node.ctx.__class__ is not ast.Load:  # type: ignore[attr-defined]
                    scope.bind(node.id, "")  # type: ignore[attr-defined]
                continue
            if kind is ast.Call:
                calls.append(node)  # type: ignore[arg-type]
            elif kind is ast.Dict:
                # A table of functions: the code that picks one by a key runs that one.
                pending.extend(part for part in node.keys if part is not None)  # type: ignore[attr-defined]
                pending.extend(part for part in node.values if part.__class__ is not ast.Lambda)  # type: ignore[attr-defined]
                continue
            elif kind in SPECIAL:
                if isinstance(node, ast.If | ast.IfExp):
                    if scope.parameters and _hangs_on_parameter(node.test, scope):
                        self._scan_optional(node, scope, owner)
                        pending.append(node.test)
                        continue
                elif isinstance(node, ast.Attribute):
                    value = node.value
                    if value.__class__ is ast.Name:
                        if value.id == scope.this and node.ctx.__class__ is ast.Load:
                            scope.uses.own_attributes.add(node.attr)
                        continue
                elif isinstance(node, ast.Assign | ast.AnnAssign):
                    if node.value is not None:
                        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                        pending.append(node.value)
                        pending.extend(
                            target for target in targets if not self._assign(target, node.value, scope, owner)
                        )
                    continue
                elif isinstance(node, FunctionNode | ast.ClassDef):
                    if not inside:
                        scope.bind(node.name, f"{self._module}.{node.name}" if scope is self._top else "")
                        if isinstance(node, ast.ClassDef):
                            classes.append(node)
                        continue
                    scope.bind(node.name, "")
                else:
                    self._bind(node, scope)
            for name in children[kind]:
                part = getattr(node, name)
                if part.__class__ is list:
                    pending.extend(part)
                elif part is not None:
                    pending.append(part)
        return classes

    def _scan_optional(self, node: ast.If | ast.IfExp, scope: _Scope, owner: str) -> None:
        """Note what stands under a condition, with its calls apart from the others."""
        body, otherwise = (node.body, node.orelse) if isinstance(node, ast.If) else ([node.body], [node.orelse])
        uses, scope.uses = scope.uses, scope.optional_uses
        self._scan([*body, *otherwise], scope, owner, inside=True)
        scope.uses = uses

    def _assign(self, target: ast.expr, value: ast.expr, scope: _Scope, owner: str) -> bool:
        """Note what a plain name or an attribute of the own object stands for; False for other targets."""
        if isinstance(target, ast.Name):
            scope.bind(target.id, NO_VALUE if isinstance(value, ast.Constant) and value.value is None else value)
            return True
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == scope.this:
            self._attributes.setdefault(f"{owner}.{target.attr}", []).append((value, scope))
            return True
        return False

    def _bind(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                scope.bind(alias.asname or top, alias.name if alias.asname else top)
        elif isinstance(node, ast.ImportFrom):
            origin = self._origin(node)
            for alias in node.names:
                if alias.name != "*":
                    scope.bind(alias.asname or alias.name, f"{origin}.{alias.name}" if origin else "")
                elif origin:
                    self._stars.append(origin)
        elif isinstance(node, ast.arg):
            scope.bind(node.arg, "")
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            if node.name:
                scope.bind(node.name, "")
        elif isinstance(node, ast.MatchMapping) and node.rest:
            scope.bind(node.rest, "")

    def _origin(self, node: ast.ImportFrom) -> str:
        """The absolute name of the module that is imported from; "" beyond the root of the project."""
        if not node.level:
            return node.module or ""
        parts = self._module.split(".")
        drop = node.level - self._source.path.endswith("__init__.py")
        if drop >= len(parts):
            return ""
        return ".".join([*parts[: len(parts) - drop], *([node.module] if node.module else [])])

    # -- what names stand for ---------------------------------------------------------------------------------------

    def _named(self, name: str, scope: _Scope, depth: int = DEEPEST) -> str:
        """The reference that a name is in a scope, or "" where it may be several things or something unknown."""
        if name in scope.known:
            return scope.known[name]
        options = scope.bound.get(name)
        if options is None:
            if scope.parent is not None:
                return self._named(name, scope.parent, depth)
            return f"{self._module}.{name}" if self._stars and name not in BUILTINS else ""
        scope.known[name] = ""  # a name that is assigned from itself ends here
        found = {
            self._reference(option, scope, depth) if isinstance(option, ast.expr) else option for option in options
        }
        found.discard(NO_VALUE)  # ``rebuild = None`` where an import fails: a call can only mean the other one
        reference = found.pop() if len(found) == 1 else ""
        if len(options) > 1 and reference == f"{self._module}.{name}" and options.count(reference) > 1:
            reference = ""
        scope.known[name] = reference
        return reference

    def _reference(self, node: ast.expr, scope: _Scope, depth: int = DEEPEST) -> str:
        """The reference that an expression is, or ""."""
        if isinstance(node, ast.Name):
            return self._named(node.id, scope, depth - 1) if depth > 0 else ""
        if depth <= 0:
            return ""
        if isinstance(node, ast.Attribute):
            before = self._reference(node.value, scope, depth - 1)
            if node.attr == "__class__" and before == "self":
                return before
            return f"{before}.{node.attr}" if before else ""
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and scope.this:
                if node.func.id == "super":
                    return "super"
                if node.func.id == "type" and len(node.args) == 1:
                    return "self" if self._reference(node.args[0], scope, depth - 1) == "self" else ""
            before = self._reference(node.func, scope, depth - 1)
            return before if before in ("", "self") else before + "()"
        return ""

    def _references(self, scope: _Scope, uses: _Uses) -> Iterator[str]:
        """What the body of a scope calls or hands on."""
        for call in uses.calls:
            callee = self._reference(call.func, scope)
            if callee and not callee.startswith(NOT_OURS):
                yield callee + "()"
            for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
                if isinstance(argument, ast.Name | ast.Attribute):
                    reference = self._reference(argument, scope)
                    if "." in reference and not reference.endswith(")") and not reference.startswith(NOT_OURS):
                        if _only_keeps(last_name(call.func)):
                            break
                        yield reference
        if uses.own_attributes and self._named(scope.this, scope) == "self":
            yield from (f"self.{name}" for name in uses.own_attributes)

    def _base(self, base: ast.expr) -> str:
        if isinstance(base, ast.Subscript):
            base = base.value
        reference = self._reference(base, self._top) or dotted_name(base)
        return "" if reference.endswith(")") else reference

    def _names(self) -> dict[str, str]:
        """What names that are neither functions nor classes stand for, and which of these are defined twice."""
        defined = {function.name for function in self._source.functions} | self._classes.keys()
        names: dict[str, str] = {}
        for name in self._top.bound:
            reference = self._named(name, self._top)
            if reference != f"{self._module}.{name}" and (name in defined if not reference else _is_ours(reference)):
                names[name] = reference
        for owner, bodies in self._classes.items():
            if len(bodies) > 1:
                names[owner] = ""
            scope = bodies[-1][1]
            for name, options in scope.bound.items():
                reference = self._named(name, scope)
                if len(options) > 1 if not reference else _is_ours(reference):
                    names[f"{owner}.{name}"] = _made(reference)
        for name, values in self._attributes.items():
            found = {self._reference(value, scope) or _plain(value) for value, scope in values} - {NO_VALUE}
            reference = found.pop() if len(found) == 1 else ""
            if name in defined or name in names:
                names[name] = ""
            elif _is_ours(reference):
                names[name] = reference
        return names

    # -- where batch work enters ------------------------------------------------------------------------------------

    def _entries(self) -> dict[str, str]:
        contexts = self._contexts
        if contexts.whole_file is None:
            return {name: self._entry(what, name) for name, what in contexts.entries.items()}
        *_, last = self._module.split(".")
        words = f"script {short_name(self._module)}"
        if COMMAND_PATH.search(self._source.path):
            words = f"manage.py {last}" if not last.startswith("_") else short_name(self._module)
        return dict.fromkeys([MODULE, *(function.name for function in self._source.functions)], words)

    def _entry(self, what: str, name: str) -> str:
        if what == "migration":
            package, _, last = self._module.rpartition(".")
            label = package.removesuffix(".migrations").rpartition(".")[2]
            return f"migration {label}.{last}" if label else f"migration {last}"
        return f"{what} {short_name(self._module)}.{name.rpartition('.')[0] or name}"

    def _handed(self) -> dict[str, str]:
        """Functions of other files that a migration, a scheduler or a list of cron jobs in this file runs."""
        text = self._source.text
        handed: dict[str, str] = {}
        if "RunPython" in text or any(word in text for word in QUEUES_ELSEWHERE):
            for scope in self._scopes:
                for call in scope.uses.calls:
                    last = last_name(call.func)
                    if last == "RunPython":
                        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
                            if isinstance(argument, ast.Lambda) and isinstance(argument.body, ast.Call):
                                argument = argument.body.func
                            handed[self._reference(argument, scope)] = self._entry("migration", "")
                    elif last in QUEUES_ELSEWHERE and call.args:
                        function = call.args[0]
                        name = _dotted_text(function) or self._reference(function, scope)
                        handed[name] = f"task {name}"
        for jobs in self._top.bound.get("CRONJOBS", ()):
            for node in ast.walk(jobs) if isinstance(jobs, ast.expr) else ():
                name = _dotted_text(node)
                handed[name] = f"job {name}"
        own = self._module + "."
        return {name: words for name, words in handed.items() if _is_ours(name) and not name.startswith(own)}


def short_name(module: str) -> str:
    """The last two parts of a module's name: enough to find it, and not too long for a message."""
    return ".".join(module.split(".")[-2:])


def _switches(arguments: ast.arguments) -> Iterator[str]:
    """The parameters whose default is False or None."""
    positional = [*arguments.posonlyargs, *arguments.args]
    given = zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)
    for argument, default in (*given, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)):
        if isinstance(default, ast.Constant) and (default.value is None or default.value is False):
            yield argument.arg


def _hangs_on_parameter(test: ast.expr, scope: _Scope) -> bool:
    """Whether a condition asks for one value of a parameter, or whether a caller has switched something on."""
    if isinstance(test, ast.Name):
        return test.id in scope.switches
    if isinstance(test, ast.BoolOp):
        return any(_hangs_on_parameter(value, scope) for value in test.values)
    asked = test.func if isinstance(test, ast.Call) else test
    if isinstance(asked, ast.Attribute | ast.Subscript) and isinstance(asked.value, ast.Name):
        return asked.value.id in scope.words  # kwargs.get("notify"), kwargs["notify"]
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    other = test.comparators[0]
    if isinstance(test.ops[0], ast.In):
        return dotted_name(other) in scope.words
    is_one = isinstance(other, ast.Constant) or dotted_name(other).rpartition(".")[2].isupper()
    return isinstance(test.ops[0], ast.Eq | ast.Is) and is_one and dotted_name(test.left) in scope.parameters


def _this(function: Function) -> str:
    """The name under which a method knows its object or its class: ``self``, ``cls``; "" where there is none."""
    arguments = [*function.node.args.posonlyargs, *function.node.args.args]
    static = any(dotted_name(decorator) == "staticmethod" for decorator in function.node.decorator_list)
    return arguments[0].arg if function.owner and arguments and not static else ""


def _only_keeps(callee: str) -> bool:
    """Whether a call takes a function without calling it, by the last part of its name."""
    return bool(KEEP_ONLY.match(callee) or (CLASS_NAME.match(callee) and callee not in RUNNERS))


def _dotted_text(node: ast.AST) -> str:
    """``"shop.tasks.rebuild"`` without the quotes, or ""."""
    text = node.value if isinstance(node, ast.Constant) else None
    return text if isinstance(text, str) and DOTTED.fullmatch(text) else ""


def _plain(value: ast.expr) -> str:
    return NO_VALUE if isinstance(value, ast.Constant) and value.value is None else ""


def _is_ours(reference: str) -> bool:
    """Whether a reference may lead to a function of the project."""
    return "." in reference and not reference.startswith((*NOT_OURS, "self", "super"))


def _made(reference: str) -> str:
    """``OrderQuerySet.as_manager()`` has the methods of ``OrderQuerySet()``."""
    return reference.replace(".as_manager()", "()")
