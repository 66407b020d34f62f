"""Writing the next migration from the models: `python -m models.drafting NAME`, then format and read what was written.

A changed CHECK or column type needs `models.rebuild.RebuildTable` in place of the `AlterField` that is drafted.
"""

import asyncio
import sys

from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.migration import Migration
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.migrations.writer import MigrationWriter, format_migration_name

from models import migrating
from models.configuring import APP, configuration


class _Autodetector(MigrationAutodetector):
    """Tortoise's own, but quick in finding out what the migrations say."""

    async def _project_state(self) -> State:
        state = State(models={}, apps=StateApps())
        for key in self._full_plan():
            migration = self.loader.graph.nodes[key]
            if not isinstance(migration, Migration):
                raise TypeError(f"no migration {key}")
            migrating.pass_over(migration, state)
        return state


async def changes() -> list[MigrationWriter]:
    """What the models say and the migrations do not, as at most one migration that is not yet on disk."""
    config = configuration("sqlite://unused")
    with TortoiseContext() as context:
        await context.init(config=config, init_connections=False)
        if context.apps is None:
            raise RuntimeError("the models are not loaded")
        for model in context.apps.apps[APP].values():
            # Tortoise calls the first line of the docstring part of the table: rewording would ask for a migration.
            model._meta.table_description = ""  # noqa: SLF001 - Tortoise's own name for it
        return await _Autodetector(context.apps, config["apps"]).changes()


async def draft(name: str) -> str | None:
    """Write the migration under the next number; its path, or None when there is nothing to do."""
    for writer in await changes():
        writer.name = format_migration_name(len(migrating.names()) + 1, name)
        return str(writer.write())
    return None


def main(arguments: list[str]) -> int:
    """0 when a migration was written, 1 when the models have not changed, 2 for wrong use."""
    if len(arguments) != 1:
        sys.stderr.write("用法：python -m models.drafting 名称\n")
        return 2
    path = asyncio.run(draft(arguments[0]))
    sys.stdout.write(f"{path}\n" if path else "模型没有变化，不需要新的迁移。\n")
    return 0 if path else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
