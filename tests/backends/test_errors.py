"""What hosts report becomes our errors, and no key is ever shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.errors import (
    ContextTooLong,
    ModelGone,
    NotOffered,
    Overloaded,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RemoteNotFound,
    RequestRefused,
    TrainingClosed,
    WrongKey,
)
from backends.errors import MAX_REASON, decided, reported_in, shown, translated


def body(message: str, code: object = None, type_: str | None = None) -> dict[str, object]:
    return {"error": {"message": message, "code": code, "type": type_, "param": None}}


LONG = "This model's maximum context length is 8192 tokens."
GONE = "The model `ft:x` does not exist or you do not have access to it."
NUMBERED = {"error": {"message": "the request exceeds the available context size", "code": 400}}

CASES: list[tuple[int | None, object, type[ProviderError]]] = [
    (400, body("no", "context_length_exceeded"), ContextTooLong),
    (400, body(LONG), ContextTooLong),
    (400, {"object": "error", "message": LONG, "code": 400}, ContextTooLong),
    (400, NUMBERED, ContextTooLong),
    (413, body("too many tokens"), ContextTooLong),
    (422, {"detail": "Prompt is too long"}, ContextTooLong),
    (400, body("Unrecognized argument"), RequestRefused),
    (400, {"error": "a bare text"}, RequestRefused),
    (400, None, RequestRefused),
    (401, body("Incorrect API key provided", "invalid_api_key"), WrongKey),
    (401, "Unauthorized", WrongKey),
    (402, body("Insufficient Balance"), QuotaExceeded),
    (403, body("winding down", "training_not_available"), TrainingClosed),
    (403, body("Country not supported", "unsupported_country"), RequestRefused),
    (403, body("Project has no access", "model_not_found"), ModelGone),
    (404, body(GONE, "model_not_found"), ModelGone),
    (404, {"error": 'model "x" not found, try pulling it first'}, ModelGone),
    (404, body("No such File object"), RemoteNotFound),
    (404, body("Invalid URL (POST /v1/the-model-x)", "unknown_url"), RemoteNotFound),
    (404, "<html>404</html>", RemoteNotFound),
    (405, {"detail": "Method Not Allowed"}, NotOffered),
    (408, None, ProviderUnavailable),
    (409, body("conflict"), RequestRefused),
    (422, {"detail": [{"loc": ["body", "seed"], "msg": "wrong"}]}, RequestRefused),
    (429, body("slow down", "rate_limit_exceeded"), Overloaded),
    (429, body("too many tokens per minute"), Overloaded),
    (429, None, Overloaded),
    (429, body("no credit", "insufficient_quota"), QuotaExceeded),
    (429, body("no credit", None, "insufficient_quota"), QuotaExceeded),
    (429, body("limit", "billing_hard_limit_reached"), QuotaExceeded),
    (500, body("oops", None, "server_error"), ProviderUnavailable),
    (500, "<html>", ProviderUnavailable),
    (501, None, NotOffered),
    (502, None, ProviderUnavailable),
    (503, None, Overloaded),
    (504, None, ProviderUnavailable),
    (529, body("overloaded", None, "overloaded_error"), Overloaded),
    # inside of a stream
    (None, body("oops", None, "server_error"), ProviderUnavailable),
    (None, body("slow down", "rate_limit_exceeded"), Overloaded),
    (None, body("no credit", "insufficient_quota"), QuotaExceeded),
    (None, body("busy", 503), Overloaded),
    (None, body("bad", 400), RequestRefused),
    (None, body("bad", None, "BadRequestError"), RequestRefused),
    (None, body(LONG), ContextTooLong),
    (None, {"error": "died"}, ProviderUnavailable),
]


@pytest.mark.parametrize(("status", "said", "expected"), CASES)
def test_every_row_of_the_table(
    status: int | None, said: object, expected: type[ProviderError]
) -> None:
    error = decided(reported_in(said, status=status), model="ft:x")
    assert type(error) is expected
    assert "{" not in error.sentence.replace("{'", "").replace('{"', "")


def test_no_model_is_gone_where_none_was_asked_for() -> None:
    assert type(decided(reported_in(body(GONE, "model_not_found"), status=404))) is RemoteNotFound


def test_the_sentence_names_the_model() -> None:
    error = decided(reported_in(body(GONE, "model_not_found"), status=404), model="ft:x")
    assert "ft:x" in error.sentence


def test_a_refusal_is_shown_short_and_without_keys() -> None:
    key = "v1.SECRET"
    message = f"Key {key} and sk-proj-abc***xyz and Bearer abcdef is wrong. " + "x" * 2000
    error = decided(reported_in(body(message), status=400), secret=key)
    for text in (error.sentence, error.detail):
        assert "SECRET" not in text
        assert "sk-proj" not in text
        assert "abcdef" not in text
    assert len(str(error.fields["reason"])) == MAX_REASON


def test_ordinary_words_are_not_taken_for_keys() -> None:
    message = "The API key provided may not use this model; ask-me-anything is no task-list."
    assert shown(message) == message


def test_errors_of_others_are_not_ours() -> None:
    assert translated(KeyError("x")) is None


def test_half_of_a_character_does_not_reach_people() -> None:
    assert shown("a\ud800b") == "a?b"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "message", "code", "type", "detail"]), inner)
    ),
    max_leaves=8,
)


@given(said=json_values, status=st.none() | st.integers(400, 599))
def test_any_body_is_an_error_of_ours(said: object, status: int | None) -> None:
    error = decided(reported_in(said, status=status), model="m")
    assert error.sentence.encode()
    assert error.detail.encode()
    assert len(str(error.fields.get("reason", ""))) <= MAX_REASON
