"""Certificates that are not accepted: what libraries say about them, in one line."""

import ssl
from collections.abc import Iterator


def refused_certificate(error: BaseException) -> str | None:
    """Why a server's certificate was not accepted, in OpenSSL's few words ("certificate has
    expired"); None: the error is about something else. HTTP libraries hide it below their own
    errors, some of them below a timeout, so all that led to the error is looked through.
    """
    refused = [each for each in _led_to(error) if isinstance(each, ssl.SSLCertVerificationError)]
    # aiohttp derives its own from it, without what OpenSSL says.
    said = (getattr(each, "verify_message", "") for each in refused)
    return next(filter(None, said), "it cannot be verified") if refused else None


def said_of(host: str, reason: str) -> str:
    """The line for the log: whose certificate, and what to look at."""
    return (
        f"the certificate of {host} is not accepted ({reason}): check the address, the clock of "
        "this machine and the authorities that it trusts"
    )


def _led_to(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__
