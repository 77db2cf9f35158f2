"""Passwords: only their argon2id hash is kept, and checking one takes as long for a login that nobody has."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Final, TypeVar

from argon2 import PasswordHasher, exceptions
from argon2.low_level import Type

from ecoklit.limits import RETRY_SECONDS
from ecoklit.problems import ProblemError, retry_after

T = TypeVar("T")

MEMORY_KIB: Final = 64 * 1024
PASSES: Final = 3
LANES: Final = 4
"""RFC 9106, section 4, for machines with little memory: 64 MiB and some 0.1 s for each guess."""
AT_ONCE_MAX: Final = 2
WAITING_MAX: Final = 32
"""Each takes 64 MiB: whoever comes after so many is told to come again."""


class Argon2Passwords:
    """`ports.Passwords`; the costs are for tests to lower."""

    def __init__(self, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = PasswordHasher(passes, memory_kib, LANES, type=Type.ID)
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobodys: str | None = None

    async def hashed(self, password: str) -> str:
        return await self._run(partial(self._hasher.hash, password))

    async def matches(self, hashed: str | None, password: str) -> bool:
        return await self._run(partial(self._matches, hashed, password))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, hashed: str | None, password: str) -> bool:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash(secrets.token_hex())
        try:
            return self._hasher.verify(hashed or self._nobodys, password) and hashed is not None
        except (exceptions.VerificationError, exceptions.InvalidHashError):
            return False

    async def _run(self, work: partial[T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise ProblemError(
                "service_busy",
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Many sign in at once: try again after Retry-After.",
                retry_after(RETRY_SECONDS),
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
