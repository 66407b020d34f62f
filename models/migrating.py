"""Bringing a database to the shape of the newest migration.

Tortoise's own executor records a migration after its transaction, so that a crash in between leaves tables that the
next start tries to create again. Here the record is written in the migration's own transaction.
"""

import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

import asyncpg
from tortoise.connection import get_connections
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import AddField, CreateModel, Operation
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import AsyncpgSchemaEditor, SqliteSchemaEditor
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import ModelState, State
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.asyncpg_client import PostgresClient, translated
from models.operations import RunSqlOn
from models.rebuild import RebuildTable
from models.sqlite_client import SqliteClient
from models.transactions import ShieldedTransaction

PACKAGE = "models.migrations"
TABLE = "tortoise_migrations"
_FORWARD_ONLY = (CreateModel, AddField, RunSqlOn)
_LOCK = 0x66616E70  # any number that no other advisory lock uses

_RECORDED = {
    "sqlite": "SELECT 1 AS present FROM sqlite_master WHERE type = 'table' AND name = $1",
    "postgres": "SELECT 1 AS present WHERE to_regclass($1) IS NOT NULL",
}


class Shapes(StateApps):
    """The models between two migrations: asked for their columns and never for rows, so no queries are prepared."""

    def _build_initial_querysets(self) -> None:
        """Tortoise prepares those of every model each time that one changes, half of the time of a new database."""


def names(package: str = PACKAGE) -> list[str]:
    """Names of all migrations, in order. They form a line: each depends on the one before."""
    return sorted(name for _, name, _ in pkgutil.iter_modules(import_module(package).__path__) if name[:1].isdigit())


async def applied(client: PostgresClient | SqliteClient, app: str = "models") -> set[str]:
    """What the database has recorded. Raises DatabaseUnavailable, where Tortoise would answer "nothing"."""
    dialect = "sqlite" if isinstance(client, SqliteClient) else "postgres"
    if not await client.fetch(_RECORDED[dialect], (TABLE,)):
        return set()
    found = await client.fetch(f"SELECT name FROM {TABLE} WHERE app = $1", (app,))  # noqa: S608 - a constant
    return {each["name"] for each in found}


async def pending(client: PostgresClient | SqliteClient, package: str = PACKAGE) -> list[str]:
    """Names of the migrations that are not recorded, in order."""
    done = await applied(client)
    return [name for name in names(package) if name not in done]


async def migrate(client: PostgresClient | SqliteClient, app: str = "models", package: str = PACKAGE) -> list[str]:
    """Apply what is pending, one transaction per migration; those with `atomic = False` look after themselves."""
    async with _alone(client) as connection:
        done = await applied(connection, app)
        todo = [name for name in names(package) if name not in done]
        if not todo:
            return []
        await MigrationRecorder(connection).ensure_schema(_editor(connection, atomic=False))
        state = State(models={}, apps=Shapes(default_connections={app: connection.connection_name}))
        for name in names(package):
            migration: Migration = import_module(f"{package}.{name}").Migration(name, app)
            if name in done:
                pass_over(migration, state)
            elif migration.atomic:
                # Tortoise's operations take the connection from the context, which the block sets.
                async with _transaction(connection, migration) as transaction:
                    await _apply(migration, state, _editor(transaction, atomic=True))
                    await MigrationRecorder(transaction).record_applied(app, name)
            else:
                await _apply(migration, state, _editor(connection, atomic=False))
                await MigrationRecorder(connection).record_applied(app, name)
    return todo


async def _apply(migration: Migration, state: State, editor: BaseSchemaEditor) -> None:
    """As Tortoise does it, but without a copy of all models for operations that do not look back at them.

    The copy takes longer than their statements: a new database was more than half copies.
    """
    for operation in migration.operations:
        before = state if _looks_ahead_only(operation, editor.DIALECT) else state.clone()
        _go_forward(operation, migration.app_label, state)
        await migration._run_database_forward(operation, before, state, editor, True)  # noqa: FBT003, SLF001 - Tortoise's own
    state.validate_relations_initialized()


def _looks_ahead_only(operation: Operation, dialect: str) -> bool:
    if isinstance(operation, RebuildTable):
        return dialect == "sqlite" or bool(operation.postgres)
    return isinstance(operation, _FORWARD_ONLY)


def pass_over(migration: Migration, state: State) -> None:
    """What the models are after a migration that was applied before."""
    for operation in migration.operations:
        _go_forward(operation, migration.app_label, state)


def _go_forward(operation: Operation, app: str, state: State) -> None:
    """A new model is built and joined to those that are there, which stay as they are.

    Tortoise builds everything anew that hangs together with it, which is everything: nine tenths of a new database.
    """
    if not isinstance(operation, CreateModel):
        operation.state_forward(app, state)
        return
    found = ModelState.make_from_model(app, operation.model)
    state.models[app, operation.name] = found
    state.apps.register_model(app, found.render(state.apps))
    state.apps._init_relations()  # noqa: SLF001 - Tortoise's own; of models that wait for this one, too


def _transaction(client: PostgresClient | SqliteClient, migration: Migration) -> ShieldedTransaction:
    if isinstance(client, PostgresClient):
        return ShieldedTransaction(client.new_transaction())
    rebuilds = any(getattr(operation, "rebuilds", False) for operation in migration.operations)
    return ShieldedTransaction(client.new_transaction(checks_last=rebuilds))


def _editor(client: PostgresClient | SqliteClient, *, atomic: bool) -> BaseSchemaEditor:
    kind = SqliteSchemaEditor if isinstance(client, SqliteClient) else AsyncpgSchemaEditor
    return kind(client, atomic=atomic)


@asynccontextmanager
async def _alone(client: PostgresClient | SqliteClient) -> AsyncIterator[PostgresClient | SqliteClient]:
    """The connection to migrate on: no other process migrates meanwhile, and long statements may take their time.

    SQLite has one writing process anyway. PostgreSQL: a session's advisory lock, on a connection of its own.
    """
    if isinstance(client, SqliteClient):
        yield client
        return
    patient = client.without_limits()
    await patient.create_connection()
    token = get_connections().set(client.connection_name, patient)
    try:
        async with _advisory_lock(client.dsn):
            yield patient
    finally:
        get_connections().reset(token)
        await patient.close()


@asynccontextmanager
async def _advisory_lock(dsn: str) -> AsyncIterator[None]:
    try:
        connection = await asyncpg.connect(dsn, timeout=5)
    except Exception as error:
        raise (translated(error) or error) from error
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        yield
    finally:
        await connection.close(timeout=2)
