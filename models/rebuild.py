"""Changing a column that SQLite cannot change in place: the table is built anew and keeps all that hangs on it.

Tortoise's own `AlterField`, `RemoveField` and CHECK operations rebuild too, but lose uniques, indexes and triggers, and
with foreign keys switched on the DROP in their midst deletes CASCADE children. This follows the procedure of SQLite's
documentation ("Making Other Kinds Of Table Schema Changes"): foreign keys off, one transaction, new table, copy, drop,
rename, indexes and triggers again, foreign keys checked before the commit.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tortoise.migrations.operations import TortoiseOperation
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State

from models.sqlite_client import statements


class RebuildTable(TortoiseOperation):
    """Apply `changes` (AddField, AlterField, RemoveField of one model) by rebuilding its table.

    On SQLite the new table comes from the model as it is after the changes; `copy` gives the SQL expression over the
    old row for columns that are new or converted, by column name. On PostgreSQL the statements of `postgres` run
    instead; without any, the changes run as Tortoise has them (which cannot alter a CHECK).

    Belongs in a migration with `atomic = True` (the default): our runner then opens the transaction with foreign keys
    off and checks them all before the commit. Raises RuntimeError where foreign keys are on, or rows got lost.
    """

    rebuilds = True  # the runner reads this

    def __init__(
        self,
        model_name: str,
        changes: Sequence[TortoiseOperation],
        *,
        postgres: Sequence[str] = (),
        copy: Mapping[str, str] | None = None,
    ) -> None:
        self.model_name = model_name
        self.changes = tuple(changes)
        self.postgres = tuple(postgres)
        self.copy = dict(copy or {})
        self.reversible = False

    def describe(self) -> str:
        return f"Rebuild the table of {self.model_name}"

    def state_forward(self, app_label: str, state: State) -> None:
        with _built_anew_once(state):
            for change in self.changes:
                change.state_forward(app_label, state)
        # A CHECK names its column, and Tortoise tells fields that are added their name only in the model it builds:
        # without it the next draft would find the column changed.
        for name, field in state.models[app_label, self.model_name].fields.items():
            field.model_field_name = name

    async def database_forward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        if state_editor is None:
            return
        if state_editor.DIALECT == "sqlite":
            await self._rebuild(state_editor, new_state.apps.get_model(f"{app_label}.{self.model_name}"))
        elif self.postgres:
            for statement in self.postgres:
                await state_editor.client.execute_query(statement)
        else:
            step = old_state
            for change in self.changes:
                before, step = step, step.clone()
                change.state_forward(app_label, step)
                await change.database_forward(app_label, before, step, state_editor)

    async def database_backward(self, *args: Any, **kwargs: Any) -> None:
        raise ValueError("a database is never migrated back; restore a backup")

    async def _rebuild(self, editor: BaseSchemaEditor, model: Any) -> None:
        client = editor.client
        table = model._meta.db_table  # noqa: SLF001 - Tortoise's own name for it
        fresh = f"rebuilt_{table}"
        # The first statement creates the table, the others its indexes.
        create, *indexes = statements(editor._get_model_sql_data(model).table_sql)  # noqa: SLF001 - it has no other
        if not create.startswith(f'CREATE TABLE "{table}"'):
            raise RuntimeError(f"unexpected definition of {table}: {create[:60]}")
        if (await client.execute_query_dict("PRAGMA foreign_keys"))[0]["foreign_keys"]:
            raise RuntimeError("foreign keys are on: dropping the old table would delete or refuse its children")

        async def run(sql: str) -> list[dict[str, Any]]:
            return await client.execute_query_dict(sql)

        async def count(name: str) -> int:
            return int((await run(f'SELECT COUNT(*) AS number FROM "{name}"'))[0]["number"])  # noqa: S608 - our names

        kept = await run(
            f"SELECT sql FROM sqlite_master WHERE tbl_name = '{table}'"  # noqa: S608
            " AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, name"
        )
        old_columns = {each["name"] for each in await run(f'PRAGMA table_info("{table}")')}
        await run(create.replace(f'CREATE TABLE "{table}"', f'CREATE TABLE "{fresh}"', 1))
        copied = {
            name: self.copy.get(name, f'"{name}"')
            for name in (each["name"] for each in await run(f'PRAGMA table_info("{fresh}")'))
            if name in self.copy or name in old_columns
        }
        columns = ", ".join(f'"{name}"' for name in copied)
        await run(f'INSERT INTO "{fresh}" ({columns}) SELECT {", ".join(copied.values())} FROM "{table}"')  # noqa: S608
        if await count(fresh) != await count(table):
            raise RuntimeError(f"rows of {table} got lost")
        await run(f'DROP TABLE "{table}"')
        # Without it, the renaming fails on any trigger or view of another table that mentions the one just dropped.
        await run("PRAGMA legacy_alter_table = ON")
        try:
            await run(f'ALTER TABLE "{fresh}" RENAME TO "{table}"')
        finally:
            await run("PRAGMA legacy_alter_table = OFF")
        for each in kept:
            await run(each["sql"])
        for index in indexes:
            await run(index.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS", 1))


@contextmanager
def _built_anew_once(state: State) -> Iterator[None]:
    """Tortoise builds all models that hang together with a changed one anew, which is all: once is enough."""
    changed: set[tuple[str, str]] = set()
    state.reload_models = changed.update  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        del state.reload_models
    state.reload_models(changed)
