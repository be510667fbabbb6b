"""An option that nothing reads is a promise nobody keeps: every field of the schema is read outside config/.

A field counts as read when the package

- takes it from its group: ``config.optim.lr``, or ``optim.lr`` where ``optim = config.optim`` or
  ``optim: OptimConfig``;
- passes a whole group as keywords (``**asdict(config.model)``) to a function that has a parameter of that
  name and uses it, or takes it out of such a dict by name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from videosync.config.options import options, section_classes

Function = ast.FunctionDef | ast.AsyncFunctionDef
SECTIONS = section_classes()


def read_options(sources: Iterable[str]) -> set[str]:
    """Dotted keys of the options that the code in ``sources`` reads."""
    trees = [ast.parse(source) for source in sources]
    parameters = _used_parameters(trees)
    found: set[str] = set()
    for tree in trees:
        renamed = _renamed(tree)
        for scope in _scopes(tree):
            aliases = _aliases(scope)
            dicts = _dicts(scope, aliases)
            for node in ast.walk(scope):
                found |= _taken(node, dicts)
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    if section := _section_of(node.value, aliases):
                        found.add(f"{section}.{node.attr}")
                elif isinstance(node, ast.Call):
                    for section in _spread_sections(node, aliases, dicts):
                        used = parameters.get(_original(node, renamed), set())
                        found |= {f"{section}.{name}" for name in used}
    return found & set(options())


def _scopes(tree: ast.Module) -> list[ast.Module | Function]:
    return [tree, *(node for node in ast.walk(tree) if isinstance(node, Function))]


def _aliases(scope: ast.Module | Function) -> dict[str, str]:
    """Names in ``scope`` that stand for a group of options: {"optim": "optim", …}."""
    classes = {cls.__name__: section for section, cls in SECTIONS.items()}
    names: dict[str, str] = {}
    if isinstance(scope, Function):
        arguments = scope.args
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            annotation = ast.unparse(argument.annotation).strip("'\"") if argument.annotation else ""
            if annotation.rpartition(".")[2] in classes:
                names[argument.arg] = classes[annotation.rpartition(".")[2]]
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts))
            for name, value in pairs:
                section = _section_of(value, {})
                if isinstance(name, ast.Name) and section:
                    names[name.id] = section
    return names


def _section_of(node: ast.expr, aliases: dict[str, str]) -> str | None:
    """The group of options an expression stands for: ``config.optim``, ``self.config.optim`` or an alias."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id)
    if isinstance(node, ast.Attribute) and node.attr in SECTIONS:
        base = node.value
        name = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
        return node.attr if "config" in name.lower() or "cfg" in name.lower() else None
    return None


def _dict_section(node: ast.expr, aliases: dict[str, str]) -> str | None:
    """The group of options that ``asdict(group)`` or ``vars(group)`` makes a dict of."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and _called(node) in ("asdict", "vars"):
        return _section_of(node.args[0], aliases)
    return None


def _dicts(scope: ast.AST, aliases: dict[str, str]) -> dict[str, str]:
    """Names in ``scope`` that hold a group of options as a dict: ``options = asdict(config.loss)``."""
    return {
        target.id: section
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and (section := _dict_section(node.value, aliases))
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _taken(node: ast.AST, dicts: dict[str, str]) -> set[str]:
    """Options taken by name from such a dict: ``options["lr"]``, ``options.pop("lr")``."""
    key: ast.expr | None = None
    base: ast.expr | None = None
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        base, key = node.value, node.slice
    elif isinstance(node, ast.Call) and _called(node) in ("pop", "get") and node.args:
        base, key = getattr(node.func, "value", None), node.args[0]
    if isinstance(base, ast.Name) and base.id in dicts and isinstance(key, ast.Constant):
        return {f"{dicts[base.id]}.{key.value}"}
    return set()


def _spread_sections(call: ast.Call, aliases: dict[str, str], dicts: dict[str, str]) -> list[str]:
    """Groups passed as ``**asdict(group)``, ``**vars(group)`` or ``**options``."""
    found = []
    for keyword in call.keywords:
        if keyword.arg is None:
            value = keyword.value
            named = dicts.get(value.id) if isinstance(value, ast.Name) else None
            if section := named or _dict_section(value, aliases):
                found.append(section)
    return found


def _renamed(tree: ast.Module) -> dict[str, str]:
    """What the module imports under another name: ``import build as make`` → {"make": "build"}."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {alias.asname: alias.name for node in imports for alias in node.names if alias.asname}


def _original(call: ast.Call, renamed: dict[str, str]) -> str:
    return renamed.get(_called(call), _called(call))


def _called(call: ast.Call) -> str:
    """Last part of the called name; a group handed to ``partial(f, …)`` goes to ``f``."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name == "partial" and call.args:
        return ast.unparse(call.args[0]).rpartition(".")[2]
    return name


def _used_parameters(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """Parameters that each function, or each class's ``__init__``, really uses, by its name."""
    found: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, Function):
                found.setdefault(node.name, set()).update(_used(node))
            elif isinstance(node, ast.ClassDef):
                for item in node.body:
                    if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                        found.setdefault(node.name, set()).update(_used(item))
    return found


def _used(function: Function) -> set[str]:
    names = {argument.arg for argument in [*function.args.args, *function.args.kwonlyargs]}
    loaded = {
        node.id
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    return names & loaded


def test_every_option_is_read(root: Path) -> None:
    files = [path for path in (root / "videosync").glob("**/*.py") if path.parent.name != "config"]
    read = read_options(path.read_text(encoding="utf-8") for path in files)
    unread = sorted(set(options()) - read)
    assert not unread, (
        f"{', '.join(unread)}: in config/schema.py, but nothing reads it. Read it, or delete it."
    )


CONSUMER = """
def build(*, lr, weight_decay, name):
    return lr, name
"""


def test_reads_through_the_group_count() -> None:
    assert read_options(["def f(config): return config.optim.lr"]) == {"optim.lr"}
    assert read_options(["class A:\n  def f(self): return self.config.optim.lr"]) == {"optim.lr"}
    assert read_options(["def f(config):\n  o = config.optim\n  return o.lr, o.name"]) == {
        "optim.lr",
        "optim.name",
    }
    assert read_options(["def f(cfg):\n  o, d = cfg.optim, cfg.data\n  return d.views"]) == {"data.views"}
    assert read_options(["def f(o: OptimConfig): return o.lr"]) == {"optim.lr"}
    assert read_options(["def f(o: 'schema.OptimConfig'):\n  return lambda: o.lr"]) == {"optim.lr"}


def test_keywords_count_where_the_function_uses_them() -> None:
    call = "def f(config): return build(**dataclasses.asdict(config.optim))"
    assert read_options([call, CONSUMER]) == {"optim.lr", "optim.name"}  # weight_decay is taken and ignored
    assert read_options(["def f(config): return build(**asdict(config.data))", CONSUMER]) == set()
    assert read_options([CONSUMER]) == set()
    renamed = "from a import build as make\ndef f(config): return make(**asdict(config.optim))"
    assert read_options([renamed, CONSUMER]) == {"optim.lr", "optim.name"}
    named = "def f(config):\n  o = asdict(config.optim)\n  o.pop('schedule')\n  return lambda: build(**o)"
    assert read_options([named, CONSUMER]) == {"optim.schedule", "optim.lr", "optim.name"}
    assert read_options(["def f(config):\n  o = asdict(config.optim)\n  return o['lr']"]) == {"optim.lr"}


def test_mere_mentions_do_not_count() -> None:
    assert read_options(["message = 'set config.optim.lr'"]) == set()
    assert read_options(["def f(config):\n  config.optim.lr = 3"]) == set()
    assert read_options(["def f(batch): return batch.data.num_frames"]) == set()
    assert read_options(["def f(config): return config.optim.no_such_option"]) == set()
    assert read_options(["def f(o: OptimConfig): pass\ndef g(o): return o.lr"]) == set()
