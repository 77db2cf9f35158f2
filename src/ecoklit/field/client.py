"""A sync: what is unsent goes up until a verified receipt names its end, what is new comes down, and both digests are
laid side by side (SPEC §7).

What is true after each step, and what a crash there leaves behind:

1. A push is made from the store; nothing is marked. A crash leaves it unsent.
2. Its receipt is verified: by the keys that the election names, for this very log and its very hash. Only then, in one
   transaction, is it kept and the log marked as held up to there. A crash before it means sending again, which changes
   nothing.
3. Each page comes with its cursor, in one transaction. A receipt of a new epoch sets the cursors back: the journal was
   restored, and once all is pulled anew, what it lost for good is no longer folded here either.
4. The registry lines that are lacking are taken, with what they say of this phone, in one transaction. Whom they erase
   is held without persons from then on; a crash before that means that the next sync does it.
5. Digests are compared; nothing is stored.

A sync always begins with a push, of the last event if there is nothing new: so a service that lost its tail is found
out, and a wrong one too, before anything else is believed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Final, NamedTuple

from ecoklit.core import ids
from ecoklit.core.admission import (
    BAD_SIGNATURE,
    BROKEN_CHAIN,
    EQUIVOCATION,
    GAP,
    MALFORMED,
    TOO_LARGE,
    UNKNOWN_DEVICE,
    WRONG_ELECTION,
    Refused,
)
from ecoklit.core.event import Malformed
from ecoklit.core.limits import PUSH_EVENTS_MAX
from ecoklit.core.receipt import SignedReceipt, read_receipt
from ecoklit.core.signing import PublicKey, pull_message
from ecoklit.field import enrolment
from ecoklit.field.outbox import About, Identity, Outbox, Page
from ecoklit.field.page import read_page
from ecoklit.field.parts import Part, parts
from ecoklit.field.phone import Phone
from ecoklit.field.rights import learn
from ecoklit.field.transport import Ask, NonceNeeded, Transport
from ecoklit.field.trouble import NotEntitled, NotSaid, Stuck, TryLater, WrongService

PAGE_VOTERS_MAX: Final = 200
"""Some 200 KB, compressed to a tenth: what a bad network brings before it breaks off."""

RETREATS_MAX: Final = 3
"""A service that asks again and again for what it was sent is not to hold a phone in a loop."""

LOOKS_MAX: Final = 6
"""How often the roll is asked for again while the service has not yet folded what it holds: three seconds in all."""

LOOK_SECONDS: Final = 0.05
ASKS_MAX: Final = 3
"""A page is asked for again with a fresh nonce, and from the beginning when the cursor is nobody's."""

OVERTAKEN: Final = "overtaken"
BAD_CURSOR: Final = "bad_argument"
TOO_SLOW: Final = "too_slow"
"""The network brought less than a push in the time that a service gives it: smaller ones get through."""


class Compared(NamedTuple):
    """The digests of one TPS, "" where nobody was ever on its roll; `why` says what a difference comes from."""

    tps: str
    phone: str
    service: str
    why: str

    @property
    def same(self) -> bool:
        return self.phone == self.service


class Synced(NamedTuple):
    """What one sync did. `sent` events went up, `held` is the seq that the receipt proves, `pulled` events came down.

    `refused` names each TPS that the service gives this phone nothing of; `news` says, a sentence each, what the
    registry changed for it.
    """

    sent: int
    held: int
    pulled: int
    compared: list[Compared]
    refused: list[tuple[str, str]]
    news: Sequence[str] = ()


class Client:
    """Syncs one phone over one transport. `sleep` waits so many seconds; `services` are the keys that may receipt."""

    def __init__(
        self, phone: Phone, transport: Transport, services: Mapping[str, PublicKey], *, sleep: Callable[[float], object]
    ) -> None:
        self._phone = phone
        self._outbox: Outbox = phone.outbox
        self._transport = transport
        self._services = services
        self._sleep = sleep
        self._events_max = PUSH_EVENTS_MAX
        self._sent = 0
        self._pulled = 0
        self._told: int | None = None
        self._bare: set[int] = set()

    def sync(self) -> Synced:
        """One sync, whole.

        Raises Away, TryLater, WrongService, Stuck, and PhoneFault when another program is syncing. Whatever was done
        by then stays done; a phone that is stuck still pulls.
        """
        with self._outbox.syncing():
            return self._sync()

    def _sync(self) -> Synced:
        about, identity = self._where()
        self._sent = self._pulled = 0
        self._told = None
        self._bare = set()
        stuck: Stuck | None = None
        if self._outbox.lacks_own(identity.device):
            # A recovered store: what the service holds of it comes first, or its log would end too early.
            self._pull_all(about, identity)
            self._outbox.fill_own(identity.device)
        try:
            self._push_all(about, identity)
        except Stuck as error:
            self._learn_epoch(about, identity)
            if error.code == EQUIVOCATION:
                self._outbox.withdraw(identity.device, self._shared_with_service(about, identity))
            self._outbox.set_stuck(identity.device, error.code, error.message)
            stuck = error
        refused = self._pull_all(about, identity)
        news = self._news(about)  # before the next: what is erased is not brought again
        self._complete_persons(about, identity)
        self._phone.reload()
        if stuck is not None:
            raise stuck
        return Synced(
            self._sent,
            self._now(identity).held,
            self._pulled,
            self._compare({tps for tps, _ in refused}),
            refused,
            news,
        )

    def _learn_epoch(self, about: About, identity: Identity) -> None:
        """A refused log gets no receipt: in which epoch it was refused, the receipt of the enrolment proves.

        Without, what a restored service lost would go on being taken for held, and never be said again.
        """
        lines = enrolment.ahead(self._outbox, identity.device)
        if not lines:
            return
        with contextlib.suppress(Refused):
            answer = self._transport.push(b"".join(line + b"\n" for line in lines))
            self._outbox.introduce(identity.device, self._verified(answer, about).receipt.epoch)

    def _shared_with_service(self, about: About, identity: Identity) -> int:
        """Up to which seq the service has this very log: it holds a beginning of it, which is found by halving.

        No receipt tells: the service may have been restored since, and another entry taken the place of what it proved.
        """
        low, high = 0, self._outbox.end(identity.device)[0]
        while low < high:
            seq = (low + high + 1) // 2
            held = self._outbox.own(identity.device, after=seq - 1, upto=seq)
            part = next(parts(identity.key, about.election, held))
            try:
                self._verified(self._transport.push(part.body), about)
                low = seq
            except Refused:
                high = seq - 1
        return low

    def _where(self) -> tuple[About, Identity]:
        about, identity = self._outbox.about(), self._outbox.identity()
        if identity is None or not about.election:
            raise NotSaid("not_enrolled", "This phone is enrolled nowhere yet: run 'ecoklit phone enrol'.")
        return about, identity

    def _now(self, identity: Identity) -> Identity:
        now = self._outbox.identity()
        assert now is not None and now.device == identity.device, "a new key came in during a sync"
        return now

    # --- up ------------------------------------------------------------------------------------------------------

    def _push_all(self, about: About, identity: Identity) -> None:
        retreats = 0
        proved = False
        while True:
            part = self._next(about, self._now(identity), proved)
            if part is None:
                break
            try:
                self._take(self._transport.push(part.body), about, identity, part)
                proved = True
            except Refused as refusal:
                retreats += 1
                self._answer(refusal, part, self._now(identity), retreats)
        self._push_reports(about, identity)

    def _next(self, about: About, identity: Identity, proved: bool) -> Part | None:
        """The next push: what is not held; once in each sync the last event again; or the enrolment by itself."""
        end, _ = self._outbox.end(identity.device)
        if proved and identity.held >= end:
            return None
        after = min(identity.held, max(end - 1, 0))
        held = self._outbox.own(identity.device, after=after)
        ahead = [] if identity.introduced and held else enrolment.ahead(self._outbox, identity.device)
        receipts = [one for one in self._outbox.receipts(identity.device) if one.receipt.seq > after]
        made = parts(identity.key, about.election, held, registry=ahead, receipts=receipts, events_max=self._events_max)
        return next(made, None)

    def _take(self, answer: bytes, about: About, identity: Identity, part: Part) -> None:
        receipt = self._verified(answer, about)
        if part.last == 0:
            self._outbox.introduce(identity.device, receipt.receipt.epoch)
            return
        self._demand_own(receipt, identity, part)
        before = self._now(identity).held
        self._outbox.take_receipt(receipt)
        # From here on the phone may say "held": the proof is on disk.
        self._sent += max(0, receipt.receipt.seq - max(before, part.first - 1))

    def _verified(self, answer: bytes, about: About) -> SignedReceipt:
        """The receipt in `answer`, which a service of this election signed. Raises WrongService."""
        try:
            signed = read_receipt(answer)
        except Malformed as error:
            raise WrongService(
                "What answers there gives no receipt, so nothing was marked as sent: mend the service's address, or "
                "get past the network's sign-in page."
            ) from error
        receipt = signed.receipt
        if not signed.signed_by(self._services):
            raise WrongService("The receipt is not signed by this election's service: nothing was marked as sent.")
        if (receipt.election, receipt.regency) != (about.election, about.regency):
            raise WrongService(f"The service is of {receipt.election}, regency {receipt.regency}: mend its address.")
        if receipt.epoch < about.epoch:
            raise WrongService(
                f"The receipt is of epoch {receipt.epoch}, and the journal is in epoch {about.epoch} already: "
                "nothing was marked as sent; tell the office that its service runs with an old epoch."
            )
        return signed

    def _demand_own(self, signed: SignedReceipt, identity: Identity, part: Part) -> None:
        """The receipt is about this log, reaches what was sent, and names the event that this phone has there."""
        receipt = signed.receipt
        if receipt.device != identity.device or receipt.log != "voters" or receipt.seq < part.last:
            raise WrongService("The receipt is not for what was sent: nothing was marked as sent; sync again.")
        own = self._outbox.own(identity.device, after=receipt.seq - 1, upto=receipt.seq)
        if not own:
            raise Stuck(
                OVERTAKEN,
                f"The service holds {receipt.seq} entries of this phone, which has fewer: it was restored from an old "
                "backup, or copied. Run 'ecoklit phone reissue' and have the new key enrolled; nothing is lost.",
            )
        if receipt.head != ids.to_base64url(own[0].hash):
            raise _forked()

    def _push_reports(self, about: About, identity: Identity) -> None:
        """The phone's own registry events, which follow its entries: a report speaks of what is held already."""
        known = self._outbox.latest_receipt(identity.device, "registry")
        lines = self._outbox.registry_own(identity.device, 0 if known is None else known.receipt.seq)
        if not lines:
            return
        try:
            answer = self._transport.push(b"".join(line + b"\n" for line in lines))
        except Refused as refusal:
            self._answer_report(refusal, about, identity)
            return
        self._keep_report(answer, about, identity)

    def _answer_report(self, refusal: Refused, about: About, identity: Identity) -> None:
        if refusal.code != GAP:
            raise _stuck(refusal)
        # The registry lost its tail too: all of the phone's reports again.
        lines = self._outbox.registry_own(identity.device, 0)
        try:
            answer = self._transport.push(b"".join(line + b"\n" for line in lines))
        except Refused as again:
            raise _stuck(again) from again
        self._keep_report(answer, about, identity)

    def _keep_report(self, answer: bytes, about: About, identity: Identity) -> None:
        signed = self._verified(answer, about)
        seq, last = self._outbox.registry_end(identity.device)
        if (signed.receipt.device, signed.receipt.log) != (identity.device, "registry"):
            raise WrongService("The receipt is not for the report: it was not marked as sent; sync again.")
        if (signed.receipt.seq, signed.receipt.head) != (seq, ids.to_base64url(last)):
            raise WrongService("The receipt names another report than was sent: it was not marked as sent; sync again.")
        self._outbox.take_receipt(signed)

    # --- refusals ------------------------------------------------------------------------------------------------

    def _answer(self, refusal: Refused, part: Part, identity: Identity, retreats: int) -> None:
        """Make ready for the next try, or raise what ends this sync."""
        if refusal.code in (TOO_LARGE, TOO_SLOW) and self._events_max > 1 and part.last > part.first:
            self._events_max = max(1, (part.last - part.first + 1) // 2)
            return
        if retreats > RETREATS_MAX or refusal.code == TOO_SLOW:
            raise TryLater(refusal.code, f"The service keeps refusing ({refusal.message}): nothing is lost.", 0.0)
        if refusal.code == GAP and refusal.expected is not None and 1 <= refusal.expected < part.first:
            # It lost its tail, or never had it: what it holds no longer is sent again, with the receipts of that time.
            self._outbox.withdraw(identity.device, refusal.expected - 1)
            return
        if refusal.code == UNKNOWN_DEVICE and identity.introduced:
            self._outbox.forget_introduction(identity.device)
            return
        raise _stuck(refusal)

    # --- down ----------------------------------------------------------------------------------------------------

    def _pull_all(self, about: About, identity: Identity) -> list[tuple[str, str]]:
        refused = []
        for place in self._outbox.places():
            try:
                self._pull(place.tps, about, identity)
            except NotEntitled as error:
                refused.append((place.tps, error.message))
            except Refused as error:
                refused.append((place.tps, f"{error.code}: {error.message}"))
        if not refused:
            self._outbox.settle_epoch()
        return refused

    def _pull(self, tps: str, about: About, identity: Identity) -> None:
        pushed = self._receipted(identity.device, about)
        looks = 0
        while True:
            page = self._page(tps, about, identity)
            self._pulled += len(page.held)
            self._bare |= {one.seq for one in page.held if one.device == identity.device and one.person_bytes is None}
            self._outbox.take_page(tps, page)
            self._told = max(page.registry, self._told or 0)
            if page.more:
                continue
            if page.position >= pushed or looks >= LOOKS_MAX:
                return
            # The service holds what was just pushed, and has not folded it yet: its digest is of before.
            self._sleep(LOOK_SECONDS * 2**looks)
            looks += 1

    def _complete_persons(self, about: About, identity: Identity) -> None:
        """Send again what the service holds without its person, which this phone has: it lost it.

        One that will not have it again is no trouble of this phone's: the next sync finds the same.
        """
        for seq in sorted(self._bare):
            own = self._outbox.own(identity.device, after=seq - 1, upto=seq)
            if not own or own[0].person_bytes is None:
                continue
            for part in parts(identity.key, about.election, own, registry=[], receipts=[], events_max=1):
                with contextlib.suppress(Refused):
                    self._verified(self._transport.push(part.body), about)

    def _receipted(self, device: str, about: About) -> int:
        """Where in the journal the end of this log is, as last receipted."""
        receipt = self._outbox.latest_receipt(device)
        return 0 if receipt is None else receipt.receipt.position.get(_stream(about), 0)

    def _page(self, tps: str, about: About, identity: Identity) -> Page:
        cursor = next(place.cursor for place in self._outbox.places() if place.tps == tps)
        for _ in range(ASKS_MAX):
            nonce = self._transport.nonce
            message = pull_message(about.election, identity.device, nonce, tps, cursor)
            ask = Ask(identity.device, nonce, identity.key.signature(message), tps, cursor, PAGE_VOTERS_MAX)
            try:
                return read_page(self._transport.pull(ask), about.election, _stream(about))
            except NonceNeeded as needed:
                self._transport.nonce = needed.nonce
            except Refused as refusal:
                if refusal.code != BAD_CURSOR or not cursor:
                    raise
                cursor = ""  # of another generation of the service: what comes again changes nothing
        raise TryLater("nonce_needed", "The service takes none of its own nonces: sync again in a moment.", 0.0)

    def _news(self, about: About) -> list[str]:
        """What the registry and the journal became since the last sync, as far as it concerns this phone."""
        try:
            news = learn(self._outbox, self._transport, self._told)
        except Refused as refusal:
            raise TryLater(
                refusal.code, f"The service does not show its registry ({refusal.message}): sync again later.", 0.0
            ) from refusal
        epoch = self._outbox.about().epoch
        if 0 < about.epoch < epoch:
            news.append(
                f"Layanan dipulihkan dari cadangan (epoch {epoch}): yang hilang di sana dikirim lagi. "
                f"· The service was restored from a backup (epoch {epoch}): what it lost is sent again."
            )
        return news

    def _compare(self, refused: Container[str]) -> list[Compared]:
        found = []
        for place in self._outbox.places():
            if place.tps in refused:
                continue  # what was told long ago says nothing of today
            mine = self._phone.digest(place.tps) or ""
            found.append(
                Compared(place.tps, mine, place.digest, "" if mine == place.digest else self._why(place.position))
            )
        return found

    def _why(self, position: int) -> str:
        identity = self._outbox.identity()
        assert identity is not None
        unsent = self._outbox.end(identity.device)[0] - identity.held
        if unsent > 0:
            return f"{unsent} entri belum terkirim · {unsent} entries are not sent yet"
        if position < self._receipted(identity.device, self._outbox.about()):
            return "layanan belum selesai menghitung · the service has not folded the last entries yet"
        return "sebabnya tidak diketahui, sinkronkan lagi · the reason is not known, sync again"


def _stream(about: About) -> str:
    return f"ECOKLIT-{about.election}-{about.regency}"


def _forked() -> Stuck:
    return Stuck(
        EQUIVOCATION,
        "The service holds another entry under a number of this phone: its key was used elsewhere too. Run "
        "'ecoklit phone reissue' and have the new key enrolled; nothing is lost.",
    )


def _stuck(refusal: Refused) -> Exception:
    """What a refusal means to a phone that cannot answer it by sending something else."""
    if refusal.code == EQUIVOCATION:
        return _forked()
    if refusal.code == WRONG_ELECTION:
        return WrongService(f"The service is of another election ({refusal.message}): mend its address.")
    return Stuck(refusal.code, _ADVICE.get(refusal.code, "The service refuses: {}.").format(refusal.message))


_ADVICE: Final = {
    UNKNOWN_DEVICE: "The office's registry does not know this phone's key ({}): have it enrolled, then sync again; "
    "nothing is lost.",
    BAD_SIGNATURE: "The service finds this phone's signature wrong ({}): run 'ecoklit phone export', keep the file and "
    "tell the office.",
    BROKEN_CHAIN: "The service finds this phone's log broken ({}): run 'ecoklit phone export', keep the file and tell "
    "the office.",
    MALFORMED: "The service cannot read what this phone wrote ({}): run 'ecoklit phone export', keep the file and tell "
    "the office.",
    TOO_LARGE: "The service finds even one entry too large ({}): tell the office.",
    GAP: "The service asks for entries that this phone does not have ({}): run 'ecoklit phone reissue'.",
}
