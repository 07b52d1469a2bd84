"""Which relations the rows of a model have, those included that other files declare: ``book.orders``.

Each file says which relations its classes declare (:func:`relations_of`); put together they tell what Django makes of
them (:class:`Relations`). Sources: ``RelatedField.contribute_to_class`` and ``ManyToManyField.contribute_to_class`` in
``django/db/models/fields/related.py``, ``ForeignObjectRel.get_accessor_name`` in ``fields/reverse_related.py``,
``GenericRelation`` in ``django/contrib/contenttypes/fields.py`` (Django 4.2 to 5.2).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from flake8_djq.project.calls import FileCalls
from flake8_djq.source import Source, dotted_name

__all__ = ["MANY", "ONE", "RelationTable", "Relations", "relations_of"]

# What a row has under the name of a relation: a manager of many rows, or one row.
MANY, ONE = "many", "one"

# Fields by the last part of their names: what the row has under the field's own name, and what the rows that it points
# at have under the reverse one; "" where there is none.
FIELDS = {
    "ForeignKey": (ONE, MANY),
    "ParentalKey": (ONE, MANY),
    "TreeForeignKey": (ONE, MANY),
    "OneToOneField": (ONE, ONE),
    "TreeOneToOneField": (ONE, ONE),
    "ManyToManyField": (MANY, MANY),
    "ParentalManyToManyField": (MANY, MANY),
    "SortedManyToManyField": (MANY, MANY),
    "TreeManyToManyField": (MANY, MANY),
    "GenericRelation": (MANY, ""),
}
# A file that says none of this says nothing of relations.
WORDS = (
    *("ForeignKey", "OneToOne", "ManyToMany", "GenericRelation", "ParentalKey", "abstract = True", "AppConfig"),
    *("app_label", "default_related_name"),
)
USER_SETTING = "AUTH_USER_MODEL"
HIDDEN = "+"
SELF = "self"
META = ("abstract", "app_label", "default_related_name")
# Models that are named by text and that stand in no file of the project.
DJANGOS = {
    "auth.User": "django.contrib.auth.models.User",
    "auth.Group": "django.contrib.auth.models.Group",
    "auth.Permission": "django.contrib.auth.models.Permission",
    "contenttypes.ContentType": "django.contrib.contenttypes.models.ContentType",
    "sites.Site": "django.contrib.sites.models.Site",
}
DEEPEST = 20

# {"classes": {name: [meta, fields]}, "apps": {name: label}, "user": what AUTH_USER_MODEL is set to}; parts that a file
# has nothing to say about are missing.
ModelFacts = dict[str, Any]
# By the absolute name of a model: what its rows have under the name of a relation, and of which model; the first is ""
# where that is not certain, the second where it is not known.
RelationTable = dict[str, dict[str, list[str]]]


# -- what one file says ------------------------------------------------------------------------------------------------


def relations_of(source: Source, module: str) -> ModelFacts:
    """The relations that the classes of a file declare, as JSON can hold them. Most files say nothing.

    Of a class: what its ``Meta`` says (None without one), and its fields as lists of the name, the kind by FIELDS, the
    target as a text (``shop.Book``, ``self``), the target by the absolute name that the imports give it, and the
    ``related_name`` (None where none is given).
    """
    facts: ModelFacts = {}
    text = source.text
    if source.classes and any(word in text for word in WORDS):
        names = _Names(source, module)
        classes = {name: _class(node, names) for name, node in source.classes.items()}
        apps = dict(filter(None, map(_app, source.classes.values()))) if "AppConfig" in text else {}
        facts = {
            "classes": {name: [meta, fields] for name, (meta, fields) in classes.items() if fields or meta},
            "apps": apps,
        }
    if USER_SETTING in text:
        for statement in source.tree.body:
            target, value = _assigned(statement)
            if target == USER_SETTING:
                facts["user"] = _text(value) or ""
    return {name: part for name, part in facts.items() if part}


class _Names:
    """The absolute names that the names of one file stand for."""

    def __init__(self, source: Source, module: str) -> None:
        self._source = source
        self._module = module

    def absolute(self, node: ast.expr) -> str:
        """The absolute name of an expression; "" for anything that is no imported name and no class of the file."""
        head, dot, rest = dotted_name(node).partition(".")
        imported = self._source.imports.get(head)
        if imported is None:
            return f"{self._module}.{head}{dot}{rest}" if head in self._source.classes else ""
        level = len(imported) - len(imported.lstrip("."))
        if level:
            parts = self._module.split(".")
            parts = parts[: len(parts) - level + self._source.path.endswith("__init__.py")]
            imported = ".".join([*parts, imported.lstrip(".")])
        return imported + dot + rest


def _class(node: ast.ClassDef, names: _Names) -> tuple[dict[str, Any] | None, list[list[Any]]]:
    meta: dict[str, Any] | None = None
    fields = []
    for statement in node.body:
        if isinstance(statement, ast.ClassDef) and statement.name == "Meta":
            meta = _meta(statement)
            continue
        name, value = _assigned(statement)
        if isinstance(value, ast.Call):
            kind = dotted_name(value.func).rpartition(".")[2]
            if kind in FIELDS and name.isidentifier():
                fields.append([name, kind, *_target(value, names), _related_name(value)])
    return meta, fields


def _meta(node: ast.ClassDef) -> dict[str, Any]:
    found: dict[str, Any] = {"extends": True} if node.bases else {}
    for statement in node.body:
        name, value = _assigned(statement)
        if name in META and value is not None:
            # What is not written out is true: as an app's label or a name it then fits nothing.
            found[name] = value.value if isinstance(value, ast.Constant) else True
    return found


def _target(call: ast.Call, names: _Names) -> tuple[str, str]:
    """What a relation points at: as a text, or by its absolute name; both "" where that is not written out."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    node = call.args[0] if call.args else keywords.get("to")
    if node is None or isinstance(node, ast.Starred):
        return "", ""
    text = _text(node)
    if text is not None:
        return text, ""
    asked = node.func if isinstance(node, ast.Call) else node
    if dotted_name(asked).rpartition(".")[2] in (USER_SETTING, "get_user_model"):
        return USER_SETTING, ""
    return "", "" if isinstance(node, ast.Call) else names.absolute(node)


def _related_name(call: ast.Call) -> str | None:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if None in keywords:
        return HIDDEN  # **options: nobody can tell
    node = keywords.get("related_name")
    symmetrical = keywords.get("symmetrical")
    to_self = any(_text(part) == SELF for part in (*call.args[:1], keywords.get("to")))
    is_many = FIELDS[dotted_name(call.func).rpartition(".")[2]][0] == MANY
    if is_many and to_self and not (isinstance(symmetrical, ast.Constant) and symmetrical.value is False):
        return HIDDEN
    if node is None or (isinstance(node, ast.Constant) and not node.value):
        return None
    return _text(node) or HIDDEN


def _app(node: ast.ClassDef) -> tuple[str, str] | None:
    """The name and the label that an ``AppConfig`` gives its app."""
    values = dict(map(_assigned, node.body))
    name, label = _text(values.get("name")), _text(values.get("label"))
    return (name, label or name.rpartition(".")[2]) if name and node.bases else None


def _assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return dotted_name(statement.targets[0]), statement.value
    if isinstance(statement, ast.AnnAssign):
        return dotted_name(statement.target), statement.value
    return "", None


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


# -- what all files together say ---------------------------------------------------------------------------------------


class Relations:
    """The relations of all models of a project. ``facts`` and ``calls`` are those of its files, by module.

    A class is known by its absolute name: that of its module and its own.
    """

    def __init__(self, facts: Mapping[str, ModelFacts], calls: Mapping[str, FileCalls]) -> None:
        self._calls = calls
        self._classes = {
            f"{module}.{name}": (meta, fields)
            for module, said in facts.items()
            for name, (meta, fields) in said.get("classes", {}).items()
            if name in calls[module].classes and calls[module].names.get(name) != ""
        }
        self._apps: dict[str, str] = {
            name: label for said in facts.values() for name, label in said.get("apps", {}).items()
        }
        self._users: set[str] = {said["user"] for said in facts.values() if "user" in said}
        self._found: dict[str, str] = {}
        #: The classes by their own names, by those of their bases, and the module of each.
        self._by_name: dict[str, list[str]] = {}
        self._by_base: dict[str, list[tuple[str, str]]] = {}
        self._homes: dict[str, str] = {}
        for module, said_calls in calls.items():
            for name, bases in said_calls.classes.items():
                if said_calls.names.get(name) == "":
                    continue  # defined more than once
                self._homes[f"{module}.{name}"] = module
                self._by_name.setdefault(name, []).append(f"{module}.{name}")
                for base in bases:
                    self._by_base.setdefault(base.rpartition(".")[2], []).append((f"{module}.{name}", base))

    def user_model(self) -> str:
        """The model that ``settings.AUTH_USER_MODEL`` names; "" where settings name several."""
        if not self._users:
            return DJANGOS["auth.User"]
        return self._named(next(iter(self._users)), "") if len(self._users) == 1 else ""

    def bases(self) -> list[str]:
        """The names, without their modules, of the classes that other classes of the project are made from."""
        return sorted(self._by_base.keys() & self._by_name.keys())

    def table(self) -> RelationTable:
        """What the rows of every model have under the names of its relations."""
        own: RelationTable = {}
        for declaring, (_, fields) in self._classes.items():
            for model in self._concrete(declaring) if fields else ():
                for field in fields:
                    for owner, name, relation in self._both_ways(model, declaring, field):
                        known = own.setdefault(owner, {})
                        # Of two relations with one name nobody can tell which is meant.
                        known[name] = relation if known.get(name, relation) == relation else ["", ""]
        table = {model: dict(relations) for model, relations in own.items()}
        for model, relations in own.items():
            for heir in self._heirs(model):
                inherited = table.setdefault(heir, {})
                for name, relation in relations.items():
                    if name not in own.get(heir, {}):
                        inherited[name] = relation if inherited.get(name, relation) == relation else ["", ""]
        return table

    def _both_ways(self, model: str, declaring: str, field: list[Any]) -> Iterator[tuple[str, str, list[str]]]:
        """What one field brings, to its own model and to the one that it points at: (model, name, relation)."""
        name, kind, text, reference, related_name = field
        forward, reverse = FIELDS[kind]
        target = model if text == SELF else self._named(text, model) if text else self._find(reference)
        yield model, name, [forward, target]
        accessor = self._accessor(model, declaring, related_name, reverse) if target and reverse else ""
        if accessor:
            yield target, accessor, [reverse, model]

    def _accessor(self, model: str, declaring: str, related_name: str | None, reverse: str) -> str:
        """The name under which a row has those that point at it; "" where it has none."""
        pattern = related_name if related_name is not None else self._default_name(model, 0)
        own_name = model.rpartition(".")[2].lower()
        if not pattern:
            return own_name + ("_set" if reverse == MANY else "")
        if pattern.endswith(HIDDEN):
            return ""
        label = self._label(model)
        if "app_label" in pattern and not label:
            return ""
        try:
            name = pattern % {"class": own_name, "model_name": own_name, "app_label": label.lower()}
        except (KeyError, TypeError, ValueError):
            return ""
        return name if name.isidentifier() else ""

    def _default_name(self, model: str, depth: int) -> str:
        """``default_related_name``, of the model's own ``Meta`` or of one that it inherits."""
        meta, _ = self._classes.get(model, (None, ()))
        if meta is not None and "default_related_name" in meta:
            default = meta["default_related_name"]
            return default if isinstance(default, str) else HIDDEN
        if depth > DEEPEST or (meta is not None and "extends" not in meta):
            return ""
        inherited = (self._default_name(base, depth + 1) for base in self._bases(model))
        return next(filter(None, inherited), "")

    # -- classes ------------------------------------------------------------------------------------------------------

    def _says(self, model: str, word: str) -> bool:
        meta, _ = self._classes.get(model, (None, ()))
        return bool(meta and meta.get(word))

    def _concrete(self, declaring: str) -> list[str]:
        """The models that have the fields of a class: itself, or all that are made from it if it is abstract."""
        found: dict[str, None] = {}
        pending, seen = [declaring], {declaring}
        while pending:
            model = pending.pop()
            if not self._says(model, "abstract"):
                found[model] = None
                continue
            pending += [heir for heir in self._children(model) if heir not in seen]
            seen.update(pending)
        return list(found)

    def _heirs(self, model: str) -> list[str]:
        """All classes that are made from a model, near or far."""
        seen = {model}
        pending = [model]
        while pending:
            new = [heir for heir in self._children(pending.pop()) if heir not in seen]
            seen.update(new)
            pending += new
        return sorted(seen - {model})

    def _children(self, model: str) -> list[str]:
        last = model.rpartition(".")[2]
        return [heir for heir, base in self._by_base.get(last, ()) if self._find(base) == model]

    def _bases(self, model: str) -> list[str]:
        module = self._homes.get(model)
        bases = self._calls[module].classes[model.rpartition(".")[2]] if module is not None else []
        return [found for found in map(self._find, bases) if found in self._homes]

    def _is_model(self, name: str, depth: int = 0) -> bool:
        """Whether a class looks like a model: by relations, by a base with the usual name, near or far."""
        if self._says(name, "abstract") or depth > DEEPEST:
            return depth > 0
        if name in self._classes and self._classes[name][1]:
            return True
        bases = self._calls[self._homes[name]].classes[name.rpartition(".")[2]]
        if any(base.endswith(("Model", "AbstractUser", "AbstractBaseUser")) for base in bases):
            return True
        return any(self._is_model(base, depth + 1) for base in self._bases(name))

    def _label(self, model: str) -> str:
        """The label of a model's app; "" where that is not known."""
        meta, _ = self._classes.get(model, (None, ()))
        if meta and "app_label" in meta:
            return str(meta["app_label"]) if isinstance(meta["app_label"], str) else ""
        module = self._homes.get(model, "")
        parts = module.split(".")
        if "models" in parts[1:]:
            package = ".".join(parts[: parts.index("models", 1)])
            return self._apps.get(package, package.rpartition(".")[2])
        around = [name for name in self._apps if module == name or module.startswith(name + ".")]
        return self._apps[max(around, key=len)] if around else ""

    # -- names --------------------------------------------------------------------------------------------------------

    def _named(self, text: str, model: str) -> str:
        """The model that a text means: ``shop.Book``, or ``Book`` of the same app; "" where that is not certain."""
        if text == USER_SETTING:
            return self.user_model()
        label, _, name = text.rpartition(".")
        label = label or self._label(model)
        named = self._by_name.get(name, ())
        found = [other for other in named if self._label(other) == label and self._is_model(other)]
        if not found:
            return DJANGOS.get(text, "")
        return found[0] if len(found) == 1 else ""

    def _find(self, reference: str) -> str:
        """The class that an absolute reference leads to; of a class that is not the project's, the reference itself."""
        if reference not in self._found:
            self._found[reference] = ""  # names that stand for each other in a circle
            self._found[reference] = self._look_up(reference) if not reference.endswith(")") else ""
        return self._found[reference]

    def _look_up(self, reference: str) -> str:
        parts = reference.split(".")
        for size in range(len(parts) - 1, 0, -1):
            module = ".".join(parts[:size])
            if module in self._calls:
                return self._in_module(module, parts[size:], {module})
        return reference

    def _in_module(self, module: str, parts: list[str], seen: set[str]) -> str:
        calls = self._calls[module]
        name, *rest = parts
        if name in calls.names:
            target = calls.names[name]
            return self._find(".".join([target, *rest])) if target else ""
        if name in calls.classes:
            return f"{module}.{name}" if not rest else ""
        for star in calls.stars:
            if star in self._calls and star not in seen:
                seen.add(star)
                found = self._in_module(star, parts, seen)
                if found:
                    return found
        return ""
