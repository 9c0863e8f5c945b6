"""Jobs, events and pages are read from any JSON."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from avatar.errors import ProviderUnavailable
from backends.remote import Page, event_in, job_in

FIELDS = [
    "id",
    "status",
    "error",
    "code",
    "message",
    "method",
    "supervised",
    "hyperparameters",
    "n_epochs",
    "metadata",
    "data",
    "has_more",
    "created_at",
    "finished_at",
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
    ),
    max_leaves=15,
)


@settings(max_examples=60)
@given(value=values | st.fixed_dictionaries({"data": st.lists(values)}))
def test_nothing_but_our_error(value: object) -> None:
    try:
        page = Page.read(json.dumps(value))
    except ProviderUnavailable:
        return
    for entry in page.entries:
        assert job_in(entry).id
        assert event_in(entry).remote_id
    assert page.last_id is None or page.entries


@settings(max_examples=60)
@given(answer=st.dictionaries(st.sampled_from(FIELDS), values))
def test_an_object_with_an_id_is_enough(answer: dict[str, object]) -> None:
    job = job_in(answer | {"id": "ftjob-1"})
    assert job.id == "ftjob-1"
    assert all(isinstance(value, str) for value in job.metadata.values())
    assert event_in(answer | {"id": "ev-1"}).created_at.tzinfo is not None
