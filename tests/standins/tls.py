"""TLS in front of a stand-in, with certificates that the tests make: good ones, and others.

`Authority` issues them, and `Tls` speaks TLS at an address of its own and hands the bytes on:
    with authority.trusted(): async with Tls(standin.url, authority.issued()) as tls: tls.url
"""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import aiohttp.connector
import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
DAY = timedelta(days=1)


class Authority:
    """Issues certificates into a folder. Nobody trusts it but inside of `trusted`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("The tests' authority")
        self._certificate = self._signed(self._name, self._key, authority=True)

    def issued(self, *, host: str = HOST, days: int = 1, trusted: bool = True) -> Path:
        """A file with a certificate and its key. `days`: until it ends; `trusted` False: signed by
        itself.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("A stand-in")
        certificate = self._signed(name, key, host=host, days=days, own=not trusted)
        self._made += 1
        path = self._folder / f"certificate-{self._made}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
        return path

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """Inside, the clients of this process trust it: those of the provider ask their library for
        a context, and the others use aiohttp's.
        """
        context = ssl.create_default_context(
            cadata=self._certificate.public_bytes(Encoding.PEM).decode()
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", context)
            patch.setattr(httpcore2, "default_ssl_context", lambda **_: context)
            yield

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        host: str = HOST,
        days: int = 1,
        authority: bool = False,
        own: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if own else self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * DAY)
            .not_valid_after(now + days * DAY)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
            built = built.add_extension(names, critical=False)
        return built.sign(key if own else self._key, hashes.SHA256())


class Tls:
    """`async with` serves at `url`; `show` changes the certificate."""

    def __init__(self, behind: str, certificate: Path) -> None:
        self._behind = urlsplit(behind)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._open: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=self._context)
        _, port = self._server.sockets[0].getsockname()
        scheme = {"http": "https", "ws": "wss"}[self._behind.scheme]
        self.url = urlunsplit((scheme, f"{HOST}:{port}", self._behind.path, "", ""))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._hang_up()

    async def show(self, certificate: Path) -> None:
        """Whoever connects from now on sees this one; the connections that are open end."""
        self._context.load_cert_chain(certificate)
        await self._hang_up()

    async def _hang_up(self) -> None:
        tasks = set(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        there: asyncio.StreamWriter | None = None
        try:
            host, port = self._behind.hostname, self._behind.port
            back, there = await asyncio.open_connection(host, port)
            pipes = [asyncio.create_task(_pipe(reader, there))]
            pipes.append(asyncio.create_task(_pipe(back, writer)))
            try:
                await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pipe in pipes:
                    pipe.cancel()
                await asyncio.gather(*pipes, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # hung up
        finally:
            self._open.discard(task)
            for each in filter(None, (writer, there)):
                with suppress(Exception):
                    each.transport.abort()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
