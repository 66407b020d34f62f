"""An operator's reply, as the answer to a push."""

from bot import texts
from bot.replies import Article, Reply, Text
from bot.turn import Turn
from handlers.accounts.mini_program_links import MiniProgramLink
from handlers.rules.replies import SaidArticle, SaidContent, SaidMiniProgram, SaidText


async def speak(turn: Turn, content: SaidContent) -> Reply | None:
    """What to answer with; None when it comes as a message of its own.

    The answer to a push carries no mini-program card (WeChat's document on passive replies): a card goes through the
    outbox as a customer-service message, and without a picture for one it is a link in a text.
    """
    match content:
        case SaidText(text):
            return Text(text)
        case SaidArticle():
            return Article(content.title, content.description, content.picture_url, content.url)
        case SaidMiniProgram() if content.is_card:
            await turn.handlers.notices.answer_with_card(turn.person, content, key=turn.act)
            return None
        case SaidMiniProgram():
            fallback = content.url or turn.public_url
            link = texts.mini_program_link(
                content.title, app_id=content.app_id, path=content.path, url=None, fallback=fallback
            )
            return Text(link)


def tap(turn: Turn, link: MiniProgramLink, label: str = "点这里") -> str:
    """A way into the mini-program, as it is shown in a sentence."""
    return texts.mini_program_link(label, app_id=link.app_id, path=link.path, url=link.url, fallback=turn.public_url)
