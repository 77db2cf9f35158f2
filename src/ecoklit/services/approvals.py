"""What takes two: somebody asks, somebody else who may say so answers, and it holds for a day."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from ecoklit.errors import EcoklitError
from ecoklit.ports import Approval, ApprovalStore
from ecoklit.services.budget import area_within, budget_of
from ecoklit.services.read_log import demand_reason
from ecoklit.services.viewer import ACCOUNTS, APPROVE, Viewer

EXPORT: Final = "export"
BUDGET: Final = "budget"
ACCOUNT: Final = "account"
KINDS: Final = (EXPORT, BUDGET, ACCOUNT)
ABOUT_CHARACTERS_MAX: Final = 2048
HOLDS_SECONDS: Final = 24 * 3600


class Approvals:
    """The second person's word."""

    def __init__(self, store: ApprovalStore) -> None:
        self._store = store

    async def ask(self, viewer: Viewer, kind: str, area: str, says: str, about: str = "") -> Approval:
        """Ask for it; `about` is the act on an account, and "" of the other kinds.

        Raises EcoklitError bad_argument, not_your_area, not_your_right, no_reason.
        """
        if kind not in KINDS:
            raise EcoklitError("bad_argument", f"kind is one of {', '.join(KINDS)}: give one of these.")
        if (kind == ACCOUNT) != bool(about) or len(about) > ABOUT_CHARACTERS_MAX or not about.isprintable():
            raise EcoklitError(
                "bad_argument", "about is for the kind account alone: the act, as approval_needed says it."
            )
        viewer.demand(area, ACCOUNTS if kind == ACCOUNT else None)
        if kind == BUDGET:
            area = area_within(viewer, area)  # which is what was locked
        return await self._store.ask(kind, area, demand_reason(says), viewer.account, HOLDS_SECONDS, about)

    async def seen_by(self, viewer: Viewer) -> list[Approval]:
        """What it asked for itself, and what waits in its areas if it may answer."""
        return [
            one
            for one in await self._store.open_approvals()
            if one.asked_by == viewer.account or (viewer.may(APPROVE) and viewer.sees(one.area))
        ]

    async def answer(self, viewer: Viewer, approval: str, granted: bool) -> Approval:
        """Say yes or no. Raises EcoklitError unknown_approval, not_your_area, not_your_right, own_approval,
        answered_before.
        """
        asked = await self._known(approval)
        viewer.demand(asked.area, APPROVE)
        if asked.asked_by == viewer.account:
            raise EcoklitError("own_approval", "Whoever asks cannot answer: another person has to.")
        if not await self._store.answer(asked.approval, viewer.account, granted):
            raise EcoklitError("answered_before", "This was answered before, or is over: ask for it again.")
        if granted and asked.kind == BUDGET:
            await self._store.grant_budget(asked.asked_by, asked.area, budget_of(asked.area))
        return asked._replace(answered_by=viewer.account, granted=granted)

    async def demand(self, viewer: Viewer, kind: str, area: str) -> str:
        """The id of a grant to this account that covers `area` and still holds. Raises EcoklitError approval_needed."""
        for one in await self._store.open_approvals():
            if one.granted and one.kind == kind and one.asked_by == viewer.account and area.startswith(one.area):
                return one.approval
        raise EcoklitError(
            "approval_needed", f"This takes a second person: ask with POST /v1/approvals (kind {kind}), then again."
        )

    async def use(self, viewer: Viewer, area: str, about: str, *, not_by: str | None = None) -> None:
        """Use up a grant to this account for the one act `about`, which the account `not_by` did not give.

        Raises EcoklitError approval_needed.
        """
        for one in await self._store.open_approvals():
            mine = one.granted and one.kind == ACCOUNT and one.asked_by == viewer.account
            fits = mine and (one.area, one.about) == (area, about) and one.answered_by != not_by
            if fits and await self._store.use(one.approval):
                return
        raise EcoklitError(
            "approval_needed",
            f"This takes a second person: ask with POST /v1/approvals (kind {ACCOUNT}, area {area}, about '{about}'),"
            " then again.",
        )

    async def _known(self, approval: str) -> Approval:
        try:
            found = await self._store.get(str(UUID(approval)))
        except ValueError:
            found = None
        if found is None:
            raise EcoklitError("unknown_approval", "Nothing with this id was asked for: see GET /v1/approvals.")
        return found
