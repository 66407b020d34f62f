"""Routes as values: words, events and dialogue steps, each with the function that answers; first match wins."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from bot import texts
from bot.replies import Reply, Text
from bot.speaking import speak
from bot.turn import LIST, Turn
from handlers.ports import DialogueState

Said = str | Reply | None  # a sentence, another kind of reply, or nothing at all
Route = Callable[[Turn], Awaitable[Said]]
Step = Callable[[Turn, DialogueState], Awaitable[Said]]
Rest = Callable[[Turn, str], Awaitable[Said]]
Shape = Callable[[str], bool]

K = TypeVar("K")
V = TypeVar("V")

BEATS_DIALOGUES = frozenset({"取消", "人工", "菜单"})


class Router:
    """Finds who answers a turn. A capability makes one of these; `include` joins them."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], Route] = {}  # ("text", "入会"), ("event", "subscribe"), ("kind", "image")
        self.steps: dict[tuple[str, str], Step] = {}  # (dialogue, step)
        self.openings: dict[str, Rest] = {}  # "领" answers "领 洗车" and "领洗车"; the longest words first
        self.shapes: dict[Shape, Route] = {}  # what is no word of ours and yet known by its form

    def text(self, *words: str) -> Callable[[Route], Route]:
        """Answer these words, typed or tapped in the menu."""
        return _register(self.routes, [("text", word) for word in words])

    def event(self, *events: str) -> Callable[[Route], Route]:
        """Answer these events, named in lower case."""
        return _register(self.routes, [("event", event) for event in events])

    def when(self, *kinds: str) -> Callable[[Route], Route]:
        """Answer messages of these kinds (`image`, `voice`, ...)."""
        return _register(self.routes, [("kind", kind) for kind in kinds])

    def step(self, dialogue: str, step: str) -> Callable[[Step], Step]:
        """Answer what is said at this step of this dialogue."""
        return _register(self.steps, [(dialogue, step)])

    def opening(self, *words: str) -> Callable[[Rest], Rest]:
        """Answer what begins with one of these words and goes on; the function gets the rest. Whole words win."""
        return _register(self.openings, words)

    def shaped(self, *shapes: Shape) -> Callable[[Route], Route]:
        """Answer what one of these functions recognises; words and openings win."""
        return _register(self.shapes, shapes)

    def include(self, other: "Router") -> None:
        """Take over another router's routes. Raises ValueError when two answer the same thing."""
        _merge(self.routes, other.routes)
        _merge(self.steps, other.steps)
        _merge(self.openings, other.openings)
        self.openings = dict(sorted(self.openings.items(), key=lambda entry: len(entry[0]), reverse=True))
        _merge(self.shapes, other.shapes)

    @property
    def words(self) -> frozenset[str]:
        """Every word that is answered here."""
        return frozenset(word for kind, word in self.routes if kind == "text")

    async def answer(self, turn: Turn) -> Reply | None:
        """What to say in this turn; None for events nobody answers, and when the answer comes as a message."""
        said = await self._route(turn)
        return Text(said) if isinstance(said, str) else said

    async def _route(self, turn: Turn) -> Said:
        inbound = turn.inbound
        if inbound.kind == "event":
            if inbound.event == "click":
                # Tapping a menu button says its word, and leaves whatever was being asked.
                await turn.finish()
                return await self._word(replace(turn, inbound=replace(inbound, content=inbound.key)))
            route = self.routes.get(("event", inbound.event))
            return await route(turn) if route else None
        if inbound.kind != "text":
            route = self.routes.get(("kind", inbound.kind))
            return await route(turn) if route else texts.ONLY_TEXT
        if inbound.content not in BEATS_DIALOGUES:
            question = await turn.open_question()
            if question is not None:
                return await self._in_dialogue(turn, question)
        return await self._word(turn)

    async def _in_dialogue(self, turn: Turn, question: DialogueState) -> Said:
        if question.name == LIST:
            word = question.facts.get(turn.inbound.content)
            return await self._word(replace(turn, inbound=replace(turn.inbound, content=word)) if word else turn)
        step = self.steps.get((question.name, question.step))
        if step is None:  # asked by an older version of us
            await turn.finish()
            return await self._word(turn)
        return await step(turn, question)

    async def _word(self, turn: Turn) -> Said:
        """Operators' exact words first (never the reserved ones), then ours, then their keywords in sentences."""
        content, replies, account = turn.inbound.content, turn.handlers.replies, turn.account.id
        exact = await replies.exact(account, content)
        if exact is not None:
            return await speak(turn, exact)
        route = self.routes.get(("text", content.lower()))
        if route is not None:
            return await route(turn)
        for word, opened in self.openings.items():
            if content.startswith(word) and (rest := content[len(word) :].strip()):
                return await opened(turn, rest)
        for is_such, route in self.shapes.items():
            if is_such(content):
                return await route(turn)
        containing = await replies.containing(account, content)
        if containing is not None:
            return await speak(turn, containing)
        return texts.not_understood(content)


def _register(routes: dict[K, V], keys: Iterable[K]) -> Callable[[V], V]:
    def register(route: V) -> V:
        _merge(routes, dict.fromkeys(keys, route))
        return route

    return register


def _merge(ours: dict[K, V], theirs: dict[K, V]) -> None:
    doubled = ours.keys() & theirs.keys()
    if doubled:
        raise ValueError(f"two routes for {sorted(map(str, doubled))}")
    ours.update(theirs)
