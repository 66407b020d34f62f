"""What of an answer that came too late is still said, as a message of its own."""

import pytest

from bot import texts
from bot.answering import _as_message
from bot.replies import Article, Image, Text, ToHuman


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Text("好的"), "好的"),
        (
            Article("书展", "周末", "https://example.com/a.png", "https://example.com/a?b=1&c=2"),
            '<a href="https://example.com/a?b=1&amp;c=2">书展</a>',
        ),
        (ToHuman(), texts.HUMAN_MISSED),
        (Image("media"), ""),
        (None, ""),
    ],
)
def test_a_late_answer_is_said_as_far_as_a_message_can(reply, said):
    assert _as_message(reply) == said
