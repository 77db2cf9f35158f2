"""Other people's accounts, for whoever has the right `accounts`: the acts of `Accounts`, within one's own areas and
rights, and each in the read log before it is done.

Nobody gives more than they have. What would let one person be two, or open whole numbers, takes a second person.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from ecoklit.errors import EcoklitError
from ecoklit.ports import Account, AccountStore, Reading, Session
from ecoklit.services.accounts import Accounts, demand_login, viewer_of
from ecoklit.services.approvals import Approvals
from ecoklit.services.read_log import Ledger, Shown
from ecoklit.services.viewer import ACCOUNTS, APPROVE, UNMASK, Viewer, areas_of, rights_of

TAKES_TWO: Final = frozenset({UNMASK, APPROVE, ACCOUNTS})
"""Rights that nobody gives alone, and whose accounts nobody gives another password or codes alone: whoever could sign
in as their own second person would need none."""
LOOKED_AT: Final = frozenset({"add", "password", "totp", "rights"})
"""Acts that raise an alert: each new account has a reading budget of its own, and whoever resets one could sign in."""
AREA_DIGITS: Final = (13, 10, 6, 4)


class Asking(NamedTuple):
    """Who acts on accounts, by which request (its id in the service's own log)."""

    viewer: Viewer
    request: str


class Wanted(NamedTuple):
    """An account that is to be made; it has a `password`, or a `subject` at the office's own provider."""

    login: str
    role: str
    areas: tuple[str, ...]
    rights: tuple[str, ...]
    officer: str
    password: str | None
    subject: str | None


class Administration:
    """Lists, makes, changes and closes the accounts whose areas lie within those of whoever asks."""

    def __init__(self, accounts: Accounts, store: AccountStore, approvals: Approvals, ledger: Ledger) -> None:
        self._accounts = accounts
        self._store = store
        self._approvals = approvals
        self._ledger = ledger

    async def accounts(self, viewer: Viewer) -> list[Account]:
        """Those within one's own areas by login, closed ones too."""
        return [account for account in await self._store.all() if _is_within(viewer, account.areas)]

    async def sessions(self, viewer: Viewer, login: str) -> list[Session]:
        """The open sessions of one of them. Raises EcoklitError unknown_account."""
        account = await self._within(viewer, login)
        return [one for one in await self._store.sessions() if one.account.account == account.account]

    async def add(self, asking: Asking, wanted: Wanted) -> tuple[Account, bytes | None]:
        """A new account, and the secret of its one-time codes; None where it signs in at the provider.

        Raises EcoklitError bad_login, bad_account, not_your_area, not_your_right, approval_needed, bad_password,
        login_taken.
        """
        demand_login(wanted.login)
        areas = areas_of(wanted.role, wanted.areas)
        rights = rights_of(wanted.role, wanted.rights)
        for area in areas:
            asking.viewer.demand(area)
        _demand_givable(asking.viewer, rights)
        if wanted.password is not None:
            self._accounts.demand_password(wanted.password, wanted.login)
        said = said_of(wanted.login, wanted.role, areas, rights, wanted.subject)
        await self._act(asking, "add", areas, said, takes_two=not rights.isdisjoint(TAKES_TWO))
        return await self._accounts.add(
            wanted.login,
            wanted.role,
            areas,
            wanted.rights,
            officer=wanted.officer,
            password=wanted.password,
            subject=wanted.subject,
            made_by=asking.viewer.login,
        )

    async def close(self, asking: Asking, login: str) -> None:
        """Raises EcoklitError unknown_account, own_account, not_your_right, as do those below."""
        account = await self._subordinate(asking.viewer, login)
        await self._act(asking, "close", account.areas, login)
        await self._accounts.close(login)

    async def set_rights(self, asking: Asking, login: str, rights: Collection[str]) -> Account:
        """Give it these rights beyond its role's, and no others. Also raises bad_account, approval_needed."""
        account = await self._subordinate(asking.viewer, login)
        held, given = rights_of(account.role, account.rights), rights_of(account.role, rights)
        _demand_givable(asking.viewer, given)
        said = f"{login} {words_of(given)}"
        takes_two = not (given - held).isdisjoint(TAKES_TWO)
        await self._act(asking, "rights", account.areas, said, takes_two=takes_two, about=account)
        return await self._accounts.set_rights(login, rights)

    async def set_password(self, asking: Asking, login: str, password: str) -> None:
        """Its sessions end. Also raises bad_password, bad_account, approval_needed."""
        account = await self._subordinate(asking.viewer, login)
        self._accounts.demand_password(password, login)
        await self._act(asking, "password", account.areas, login, takes_two=_is_two(account), about=account)
        await self._accounts.set_password(login, password)

    async def renew_codes(self, asking: Asking, login: str) -> bytes:
        """A new secret for its one-time codes; the old one and its sessions end. Also raises bad_account,
        approval_needed."""
        account = await self._subordinate(asking.viewer, login)
        await self._act(asking, "totp", account.areas, login, takes_two=_is_two(account), about=account)
        return await self._accounts.renew_codes(login)

    async def revoke(self, asking: Asking, login: str) -> int:
        """End its sessions; how many there were."""
        account = await self._subordinate(asking.viewer, login)
        await self._act(asking, "revoke", account.areas, login)
        return await self._store.end_all(account.account)

    async def unlock(self, asking: Asking, login: str) -> int:
        """Let it sign in again; how many locks there were. That of its reading a second person opens."""
        account = await self._subordinate(asking.viewer, login)
        await self._act(asking, "unlock", account.areas, login)
        return await self._store.unlock(account.login, reading=False)

    async def _within(self, viewer: Viewer, login: str) -> Account:
        """The open account, which lies within one's own areas: of any other nobody learns that it is there."""
        account = await self._store.by_login(login)
        if account is None or account.closed_at is not None or not _is_within(viewer, account.areas):
            raise EcoklitError("unknown_account", "No open account of your areas has this login: see GET /v1/accounts.")
        return account

    async def _subordinate(self, viewer: Viewer, login: str) -> Account:
        """The account, which is not one's own and has no right that one has not."""
        account = await self._within(viewer, login)
        if account.account == viewer.account:
            raise EcoklitError("own_account", "Nobody changes their own account here: ask another person.")
        _demand_givable(viewer, rights_of(account.role, account.rights))
        return account

    async def _act(
        self,
        asking: Asking,
        act: str,
        areas: Collection[str],
        said: str,
        *,
        takes_two: bool = False,
        about: Account | None = None,
    ) -> None:
        """Use up a second person's word, where one is needed, and write down what is about to be done."""
        if takes_two:
            by_itself = None if about is None else about.account
            await self._approvals.use(asking.viewer, shared_area(areas), f"{act} {said}", not_by=by_itself)
        shown = Shown(f"account {act}", min(areas), 0, 0, asking.request, reason=said)
        await self._ledger.disclose(asking.viewer, shown, granted=True)
        if act in LOOKED_AT:
            await self._store.alert("account", asking.viewer.account, min(areas), f"An act on an account: {act}.")


def shared_area(areas: Collection[str]) -> str:
    """The smallest area that all lie in. Raises EcoklitError bad_account when they lie in several regencies."""
    for digits in AREA_DIGITS:
        around = {area[:digits] for area in areas}
        if len(around) == 1 and len(shared := min(around)) == digits:
            return shared
    raise EcoklitError(
        "bad_account", "Who asks and who approves share one regency: do this at the service's own machine."
    )


def _is_within(viewer: Viewer, areas: Collection[str]) -> bool:
    return all(viewer.sees(area) for area in areas)


def _is_two(account: Account) -> bool:
    return not viewer_of(account).rights.isdisjoint(TAKES_TWO)


def _demand_givable(viewer: Viewer, rights: frozenset[str]) -> None:
    """Raises EcoklitError not_your_right."""
    beyond = sorted(rights - viewer.rights)
    if beyond:
        raise EcoklitError(
            "not_your_right", f"This account has no right '{beyond[0]}' itself: ask somebody who has, or leave it out."
        )


def said_of(login: str, role: str, areas: Collection[str], rights: Collection[str], subject: str | None) -> str:
    """What the log says of a new account."""
    said = f"{login} {role} {','.join(areas)} {words_of(rights)}"
    return said if subject is None else f"{said} at {subject}"


def words_of(rights: Collection[str]) -> str:
    return ",".join(sorted(rights)) or "-"


def at_the_shell(act: str, areas: Collection[str], said: str) -> Reading:
    """The entry of an act by somebody at the service's own machine."""
    return Reading(None, f"account {act}", min(areas), None, 0, (), said, 0, "shell", "", 0)
