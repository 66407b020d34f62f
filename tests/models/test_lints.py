"""Rules of the house about the database that no linter knows, each seen to find what it looks for."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tortoise.models import Model

import models
from models.configuring import MODEL_MODULES
from models.fields import CheckedIntField

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("app", "bot", "gateways", "handlers", "miniapp_api", "models")
SCHEMA = re.compile(r"\bgenerate_schemas\b")


def sources() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text()


def plain_transactions(source: str) -> list[str]:
    """Uses of Tortoise's own transactions: they leak connections when a task is cancelled."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "tortoise.transactions":
            found.append(f"from {node.module} import ...")
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("tortoise.transactions")]
        elif isinstance(node, ast.ImportFrom) and node.module == "tortoise":
            found += [alias.name for alias in node.names if alias.name == "transactions"]
        elif isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name == "in_transaction" and not isinstance(getattr(node, "value", None), ast.Name):
                found.append(name)
    return found


def test_nobody_uses_plain_tortoise_transactions():
    assert {path: uses for path, source in sources() if (uses := plain_transactions(source))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from tortoise.transactions import in_transaction",
        "from tortoise.transactions import atomic as other",
        "import tortoise.transactions",
        "from tortoise import transactions",
        "async def f():\n    async with in_transaction():\n        pass",
    ],
)
def test_the_search_for_plain_transactions_finds_them(source):
    assert plain_transactions(source)


def test_nobody_makes_tables_without_migrations():
    assert [path for path, source in sources() if SCHEMA.search(source)] == []


def model_classes() -> Iterator[tuple[str, type[Model]]]:
    for module in pkgutil.iter_modules(models.__path__, "models."):
        loaded = importlib.import_module(module.name)
        for each in vars(loaded).values():
            if isinstance(each, type) and issubclass(each, Model) and each.__module__ == module.name:
                yield module.name, each


def test_every_module_with_tables_is_listed():
    with_tables = {module for module, each in model_classes() if not each._meta.abstract}
    assert with_tables == set(MODEL_MODULES)


def test_columns_use_the_types_of_this_house():
    """Bare Tortoise types would let naive instants, negative counts and list-length migrations in."""
    banned = {"DatetimeField", "JSONField", "BigIntField", "SmallIntField", "FloatField", "DecimalField"}
    bare = []
    for _, model in model_classes():
        for name, field in model._meta.fields_map.items():
            kind = type(field).__name__
            if kind in banned or (kind == "CharEnumFieldInstance" and field.description):
                bare.append(f"{model.__name__}.{name}: {kind}")
            if name.endswith(("_count", "_fen", "_bp")) and not isinstance(field, CheckedIntField):
                bare.append(f"{model.__name__}.{name}: unchecked {kind}")
            if name.endswith("_at") and kind != "UtcField":
                bare.append(f"{model.__name__}.{name}: {kind} for an instant")
    assert bare == []


# Words of SQL, and what goes with them.
RESERVED = {"order": "sales_order", "plan": "membership_plan", "plan_version": "membership_plan_version"}


def test_every_table_name_is_a_singular_word():
    for _, model in model_classes():
        if not model._meta.abstract:
            name = re.sub(r"(?<!^)([A-Z])", r"_\1", model.__name__).lower()
            assert model._meta.db_table == RESERVED.get(name, name)
