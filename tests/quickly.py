"""What a run of thousands of tests does once, where a process does it once: none of it changes what a test sees."""

import gc
from typing import Any

from tortoise.apps import Apps


class BuiltOnce:
    """While installed, the same models are prepared for the same connection once, not for every test that connects.

    Tortoise works out the filters and queries of more than a hundred models at each start, which takes longer than what
    most tests do. They depend on the models and the dialect alone, and everything that uses them copies them first.
    """

    def __init__(self) -> None:
        self._before = Apps._build_initial_querysets
        self._built: list[tuple[Any, str | None]] = []

    def install(self) -> None:
        """Put it in front of Tortoise's own."""
        before = self._before

        def build(apps: Apps) -> None:
            wanted = [(model, model._meta.default_connection) for app in apps.apps.values() for model in app.values()]
            if wanted == self._built:
                return
            self._built = []  # half done is not done
            before(apps)
            self._built = wanted

        Apps._build_initial_querysets = build  # type: ignore[method-assign]

    def remove(self) -> None:
        """Put everything back."""
        Apps._build_initial_querysets = self._before  # type: ignore[method-assign]


def spare_what_stays() -> None:
    """What was imported so far stays to the end: looking through it for garbage again and again takes its time."""
    gc.collect()
    gc.freeze()
