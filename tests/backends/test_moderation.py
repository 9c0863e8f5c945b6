"""Moderation over HTTP, with the real `openai` package."""

import pytest

from avatar.errors import NotOffered, ProviderUnavailable, RemoteNotFound, WrongKey
from avatar.providers import preset
from backends.backend import Backend
from backends.moderation import OpenAIModerator
from tests.backends.standin import Standin, refused, said


@pytest.fixture
def moderator(backend: Backend) -> OpenAIModerator:
    assert backend.moderator is not None
    return backend.moderator


def result(flagged: object, **categories: object) -> dict[str, object]:
    return {"flagged": flagged, "categories": categories, "category_scores": {}}


async def test_each_text_gets_its_flags(host: Standin, moderator: OpenAIModerator) -> None:
    host.will(
        said(
            {
                "id": "modr-1",
                "model": "omni-moderation-latest",
                "results": [
                    result(False, hate=False, violence=False),
                    result(True, **{"hate": True, "hate/threatening": True, "violence": False}),
                    result(True),
                    result(False, hate=True),  # what counts is the whole
                ],
            }
        )
    )
    found = await moderator.flags(["a", "b", "c", "d"])
    assert found == (
        frozenset(),
        frozenset({"hate", "hate/threatening"}),
        frozenset({"other"}),
        frozenset(),
    )
    (request,) = host.requests
    assert request.path == "/v1/moderations"
    assert request.json == {"model": "omni-moderation-latest", "input": ["a", "b", "c", "d"]}


async def test_an_answer_of_another_length_is_none(
    host: Standin, moderator: OpenAIModerator
) -> None:
    for body in ({"results": [result(False)]}, {"results": None}, {"results": "no"}, {}):
        host.will(said(body))
        with pytest.raises(ProviderUnavailable):
            await moderator.flags(["a", "b"])


async def test_odd_results_flag_nothing(host: Standin, moderator: OpenAIModerator) -> None:
    host.will(said({"results": [None, {"flagged": "yes"}, {"flagged": True, "categories": 7}]}))
    found = await moderator.flags(["a", "b", "c"])
    assert found == (frozenset(), frozenset(), frozenset({"other"}))


@pytest.mark.parametrize(
    ("status", "error"), [(401, WrongKey), (404, RemoteNotFound), (405, NotOffered)]
)
async def test_errors_are_ours(
    host: Standin, moderator: OpenAIModerator, status: int, error: type[Exception]
) -> None:
    host.will(refused(status))
    with pytest.raises(error):
        await moderator.flags(["a"])


async def test_only_a_provider_that_offers_it_has_one() -> None:
    backend = Backend(preset("nebius", base_model="x", trains=["x"]), api_key="k")
    assert backend.moderator is None
    await backend.aclose()
