"""Everything about co-branded membership that doors and the worker call, as one field of the catalogue."""

from dataclasses import dataclass

from handlers.co_brands.editing import CoBrandEditing
from handlers.co_brands.ending import CoBrandEnding
from handlers.co_brands.entries import CoBrandEntries
from handlers.co_brands.figures import CoBrandFiguring
from handlers.co_brands.joining import CoBrandJoining


@dataclass(frozen=True, slots=True)
class CoBrandHandlers:
    """One typed field per use case."""

    editing: CoBrandEditing
    ending: CoBrandEnding
    entries: CoBrandEntries
    figures: CoBrandFiguring
    joining: CoBrandJoining
