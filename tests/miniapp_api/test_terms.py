"""The texts people agree to, as pages."""

import pytest

from miniapp_api import terms
from models.words import ConsentPurpose


@pytest.fixture
async def pages(aiohttp_client):
    return await aiohttp_client(terms.create_terms("江南书店 <b>"))


@pytest.mark.parametrize("purpose", [*ConsentPurpose, "privacy"])
async def test_every_purpose_has_its_text_and_the_brand_is_no_markup(pages, purpose):
    response = await pages.get(f"/{purpose}")
    page = await response.text()
    assert response.status == 200
    assert "<b>" not in page


async def test_made_up_names_are_not_found_and_leave_nothing_behind(pages):
    await pages.get("/membership")
    kept = terms.rendered.cache_info().currsize
    for name in ("aaa", "bbb", "ccc"):
        assert (await pages.get(f"/{name}")).status == 404
    assert terms.rendered.cache_info().currsize == kept
