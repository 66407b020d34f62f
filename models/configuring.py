"""What Tortoise is told of the database: its address, its engine, and the modules that its models stand in."""

from typing import Any

APP = "models"
MODEL_MODULES = (
    "models.accounts",
    "models.benefits",
    "models.cards",
    "models.carrier",
    "models.channels",
    "models.checkins",
    "models.claims",
    "models.grants",
    "models.consents",
    "models.distribution",
    "models.draws",
    "models.fulfillments",
    "models.identity",
    "models.ledger",
    "models.levels",
    "models.linking",
    "models.offline",
    "models.operators",
    "models.orders",
    "models.withdrawals",
    "models.organizations",
    "models.outbox",
    "models.outside_points",
    "models.plans",
    "models.fee_shares",
    "models.co_brands",
    "models.points",
    "models.programmes",
    "models.payouts",
    "models.purchases",
    "models.reconciliations",
    "models.redemptions",
    "models.replies",
    "models.requests",
    "models.settlement",
    "models.shifts",
    "models.pauses",
    "models.voids",
)


def configuration(url: str, *, pool: int = 10, read_only: bool = False, limited: bool = True) -> dict[str, Any]:
    """Tortoise's configuration for `sqlite://path` (`sqlite:///absolute`) or `postgres://user:pass@host:port/db`.

    The connection is named after its dialect, because Tortoise keeps prepared SQL by the connection's name.
    Raises ValueError for another scheme, and for an in-memory SQLite, which no second connection could read.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest and not rest.startswith(":memory:"):
        name, engine = "sqlite", "models.sqlite_client"
        credentials: dict[str, Any] = {"file_path": rest, "read_only": read_only}
    elif scheme in {"postgres", "postgresql"} and rest:
        name, engine = "postgres", "models.asyncpg_client"
        credentials = {"dsn": url, "pool": pool, "read_only": read_only, "limited": limited}
    else:
        raise ValueError("a database is sqlite://path or postgres://user:pass@host:port/name")
    return {
        "connections": {name: {"engine": engine, "credentials": credentials}},
        "apps": {APP: {"models": list(MODEL_MODULES), "default_connection": name, "migrations": "models.migrations"}},
        "use_tz": True,
        "timezone": "UTC",
    }
