"""Where a URL leads, and through which proxy."""

import pytest

from avatar.hosts import proxy_of

HTTPS, ALL = "http://secure.proxy:1", "http://any.proxy:2"


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://api.telegram.org", HTTPS),
        ("http://api.telegram.org", ALL),
        ("https://host.inside.example/v1", None),
        ("http://127.0.0.1:8080/v1", None),
        ("http://localhost/v1", None),
        ("http://[::1]:8080", None),
    ],
)
def test_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", HTTPS)
    monkeypatch.setenv("all_proxy", ALL)
    monkeypatch.setenv("no_proxy", "inside.example")
    assert proxy_of(url) == proxy
