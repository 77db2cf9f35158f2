"""Signing in at an office's own provider (OpenID Connect)."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from ecoklit.errors import EcoklitError


class OidcRefused(EcoklitError):
    """Somebody is not let in by the provider's answer; `code` says by which rule."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, f"{message}: begin to sign in again.")


class OidcUnavailable(EcoklitError):
    """The provider is away, or is none."""

    def __init__(self, message: str) -> None:
        super().__init__("oidc_unavailable", message)


class SignIn(NamedTuple):
    """One attempt to sign in: secrets of this attempt alone, each 256 bits of chance. What a browser holds of it is
    `browser`, what the provider is shown is `state`, `nonce` and a hash of `verifier`.
    """

    state: str
    nonce: str
    verifier: str
    browser: str


class Identity(NamedTuple):
    """Whom the provider vouches for: "issuer subject", as an account has it."""

    subject: str


@runtime_checkable
class IdentityProvider(Protocol):
    """The office's provider. It lets nobody in: whom it vouches for has an account here, or has not."""

    async def address(self, sign_in: SignIn) -> str:
        """Where the browser is sent. Raises OidcUnavailable, OidcRefused."""
        ...

    async def identity(self, sign_in: SignIn, answer: Mapping[str, str]) -> Identity:
        """Whom it vouches for in its `answer` (the parameters that the browser brought back) to this sign-in.

        Raises OidcRefused by the rule that is broken, OidcUnavailable.
        """
        ...


@runtime_checkable
class SignIns(Protocol):
    """Sign-ins that have begun, for all processes of the service; each is taken once."""

    async def keep(self, sign_in: SignIn, seconds: int) -> None:
        """Keep it for so long. Durable on return."""
        ...

    async def take(self, state: str, browser: str) -> SignIn | None:
        """The sign-in of that state that began in that browser, and never again; None when there is none."""
        ...
