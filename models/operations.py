"""Migration operations that Tortoise lacks."""

from collections.abc import Sequence
from typing import Any

from tortoise.migrations.operations import TortoiseOperation
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State


class RunSqlOn(TortoiseOperation):
    """Statements of each dialect, one by one, so that a trigger may contain semicolons (Tortoise's RunSQL cuts there).

    For what the models cannot say: partial uniques, triggers, sequences. Runs in the migration's transaction.
    """

    def __init__(self, *, postgres: Sequence[str] = (), sqlite: Sequence[str] = ()) -> None:
        self.postgres = tuple(postgres)
        self.sqlite = tuple(sqlite)
        self.reversible = False

    def describe(self) -> str:
        return f"Run {len(self.postgres)} statements on PostgreSQL or {len(self.sqlite)} on SQLite"

    async def database_forward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        if state_editor is None:
            return
        statements = self.sqlite if state_editor.DIALECT == "sqlite" else self.postgres
        for statement in statements:
            if state_editor.collect_sql:
                state_editor.collected_sql.append(statement)
            else:
                await state_editor.client.execute_query(statement)

    async def database_backward(self, *args: Any, **kwargs: Any) -> None:
        raise ValueError("a database is never migrated back; restore a backup")


def append_only(table: str) -> RunSqlOn:
    """Triggers that refuse UPDATE and DELETE on `table`, on PostgreSQL TRUNCATE too."""
    message = f"{table} is append-only"
    return RunSqlOn(
        postgres=[
            f"""
            CREATE FUNCTION "{table}_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'restrict_violation'; END $$
            """,
            f"""
            CREATE TRIGGER "{table}_no_change" BEFORE UPDATE OR DELETE ON "{table}"
            FOR EACH ROW EXECUTE FUNCTION "{table}_append_only"()
            """,
            f"""
            CREATE TRIGGER "{table}_no_truncate" BEFORE TRUNCATE ON "{table}"
            FOR EACH STATEMENT EXECUTE FUNCTION "{table}_append_only"()
            """,
        ],
        sqlite=[
            f"""
            CREATE TRIGGER "{table}_no_{act.lower()}" BEFORE {act} ON "{table}"
            BEGIN SELECT RAISE(ABORT, '{message}'); END
            """
            for act in ("UPDATE", "DELETE")
        ],
    )


def series(name: str) -> RunSqlOn:
    """A series for `database.next_ordinal`: 1, 2, 3, ... in 32 bits."""
    return RunSqlOn(
        postgres=[f"CREATE SEQUENCE {name} AS integer START WITH 1"],
        sqlite=[
            "CREATE TABLE IF NOT EXISTS counter (name VARCHAR(64) NOT NULL PRIMARY KEY, value INT NOT NULL)",
            f"INSERT INTO counter (name, value) VALUES ('{name}', 0)",  # noqa: S608 - a migration's own word
        ],
    )


def both(*statements: str) -> RunSqlOn:
    """Statements that read the same in both dialects."""
    return RunSqlOn(postgres=statements, sqlite=statements)
