"""What must be true after every deed, told by other means than the code that has to keep it.

The journal is read as bytes and judged by rules written here once more, plainly: who had which right, what a clock
covers, what a proof is worth. Only what the world itself did (who signed what, who was given which receipt) is trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ecoklit.core import canonical, ids
from ecoklit.core.receipt import read_receipt
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import STAMP_HEADER

if TYPE_CHECKING:
    from ecoklit.testing.simulator.world import World

Dot = tuple[str, int]
Body = dict[str, Any]
MET: Final = ("in_person", "family", "video_call")
ROLE_AREA: Final = {"pantarlih": 10, "pps": 10, "ppk": 6, "kpu": 4}


class Broken(Exception):
    """A promise that the system did not keep: by the name of the check that saw it, and in a sentence."""

    def __init__(self, check: str, sentence: str) -> None:
        super().__init__(f"{check}: {sentence}")
        self.check = check
        self.sentence = sentence


def _demand(is_so: bool, check: str, sentence: str) -> None:
    if not is_so:
        raise Broken(check, sentence)


class Entry(NamedTuple):
    """An event of the journal: its place, its hash, its fields, and the registry position it was admitted by."""

    position: int
    hash: bytes
    body: Body
    stamp: int


class Ledger:
    """What the world knows of itself: what was ever signed, and what was ever receipted."""

    def __init__(self) -> None:
        self.signed: dict[bytes, None] = {}
        self.receipted: dict[str, tuple[int, bytes]] = {}
        """device → the highest (seq, hash) that a receipt of this epoch promised."""
        self.ever: dict[Dot, bytes] = {}
        self._bodies: dict[bytes, tuple[bytes, Body]] = {}
        self._entries: list[Entry] = []
        self._dots: dict[Dot, Entry] = {}
        self._stamps: dict[str, int] = {}

    def sign(self, held: Iterable[Held]) -> None:
        self.signed.update((one.hash, None) for one in held)

    # --- the journal ---------------------------------------------------------------------------------------------

    def entries(self, world: World) -> list[Entry]:
        """The journal, checked as far as it is new: each log gapless, chained, and signed by its own device."""
        events = world.site.broker.journal._events
        if len(events) < len(self._entries) or (
            self._entries and events[len(self._entries) - 1].payload not in self._bodies
        ):
            self._entries, self._dots, self._stamps = [], {}, {}
        for position in range(len(self._entries) + 1, len(events) + 1):
            device, payload, headers = events[position - 1]
            known = self._bodies.get(payload)
            if known is None:
                known = self._bodies[payload] = (ids.sha256(payload), canonical.decode(payload))
            event_hash, body = known
            for name, value in headers:
                if name == STAMP_HEADER:
                    self._stamps[device] = int(value)
            seq = body["seq"]
            _demand(body["device"] == device, "another_log", f"Event {position} stands in the log of another device.")
            _demand((device, seq) not in self._dots, "doubled", f"The journal holds entry {seq} of {device} twice.")
            before = self._dots.get((device, seq - 1))
            prev = ids.to_base64url(ids.ZERO_HASH if before is None else before.hash)
            _demand(
                body["prev"] == prev and (seq == 1 or before is not None),
                "gap", f"The journal holds entry {seq} of {device}, and not the one before it.",
            )  # fmt: skip
            _demand(
                event_hash in self.signed,
                "unsigned",
                f"The journal holds entry {seq} of {device}, which nobody signed.",
            )
            entry = Entry(position, event_hash, body, self._stamps.get(device, 0))
            self._entries.append(entry)
            self._dots[device, seq] = entry
        return self._entries

    def at(self, world: World, dot: Dot) -> Entry | None:
        self.entries(world)
        return self._dots.get(dot)

    def last_of(self, world: World, device: str) -> int:
        return max((one.body["seq"] for one in self.entries(world) if one.body["device"] == device), default=0)

    # --- receipts ------------------------------------------------------------------------------------------------

    def receipt(self, world: World, line: bytes) -> None:
        """A receipt is about to leave: it must promise what is on disk, and nothing else."""
        signed = read_receipt(line)
        receipt = signed.receipt
        _demand(signed.signed_by({world.office.service.device: world.office.service.public}), "unsigned_receipt",
                "A receipt left that the service did not sign.")  # fmt: skip
        if receipt.epoch != world.site.epoch:
            return  # of a gateway that was stopped meanwhile
        if receipt.log == "registry":
            lines = world.site.broker.registry.lines
            held = [canonical.decode(one)["registry"] for one in lines]
            own = [one for one in held if one["device"] == receipt.device]
            promised = f"A receipt promises {receipt.seq} registry lines of {receipt.device}; it has {len(own)}."
            _demand(len(own) >= receipt.seq, "receipt_too_high", promised)
            return
        entry = self.at(world, (receipt.device, receipt.seq))
        _demand(
            entry is not None and ids.to_base64url(entry.hash) == receipt.head,
            "receipt_too_high",
            f"A receipt promises entry {receipt.seq} of {receipt.device}, which the journal does not hold.",
        )
        assert entry is not None
        _demand(entry.position in receipt.position.values(), "receipt_position",
                f"A receipt says that entry {receipt.seq} of {receipt.device} is elsewhere than it is.")  # fmt: skip
        _demand(entry.stamp == receipt.registry, "receipt_stamp",
                f"A receipt says {receipt.registry} for the stamp {entry.stamp} of entry {receipt.seq}.")  # fmt: skip
        known = self.receipted.get(receipt.device, (0, b""))
        if known[0] < receipt.seq:
            self.receipted[receipt.device] = (receipt.seq, entry.hash)
        self.ever[receipt.device, receipt.seq] = entry.hash

    def restored(self, world: World) -> None:
        """The broker lost its end by an administrator's hand: what it promised in this epoch begins anew."""
        self.receipted = {}


# --- after every deed ------------------------------------------------------------------------------------------------


def look(world: World) -> None:
    """No acknowledged event is lost, nothing unsigned is held, nobody says held without proof, nothing stands still."""
    site, ledger = world.site, world.ledger
    for fault in world.loop.faults:
        if isinstance(fault, Exception) and not isinstance(fault, EcoklitError):
            raise Broken("crashed", f"A task failed: {fault!r}")
    if site.stopped_by is not None:
        raise Broken("projector_stopped", f"The projector stopped: {type(site.stopped_by).__name__}: {site.stopped_by}")
    ledger.entries(world)
    for device, (seq, event_hash) in ledger.receipted.items():
        entry = ledger._dots.get((device, seq))
        _demand(
            entry is not None and entry.hash == event_hash,
            "acknowledged_and_lost", f"Entry {seq} of {device} was receipted, and the journal does not hold it.",
        )  # fmt: skip
    for hand in world.hands.values():
        identity = None if world._busy[hand.name] else hand.outbox.identity()
        if identity is not None and identity.held:
            proof = max((seq for device, seq in ledger.ever if device == identity.device), default=0)
            _demand(identity.held <= proof, "held_without_receipt",
                    f"{hand.name}'s phone says that {identity.held} entries are held: {proof} are proved.")  # fmt: skip


# --- now and then ----------------------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """A voter as the projection has it, with every event about it that counts there."""

    voter: str
    decision: Body
    counted: list[Entry]


def look_at_everything(world: World) -> None:
    """Whatever the projection shows follows from what was rightly said, and nobody left a list by accident."""
    tables, ledger = world.site.live, world.ledger
    entries = ledger.entries(world)
    if world.site.is_rebuild_needed or _is_behind_a_restore(world, entries):
        return  # it speaks of a journal that is no more, until somebody makes it anew
    at = tables.checkpoint
    for entry in entries[: at.events]:
        row = tables.events.get((entry.body["device"], entry.body["seq"]))
        _demand(row is not None and row.position == entry.position, "not_found",
                f"Event {entry.position} of the journal is projected, and is found nowhere.")  # fmt: skip
    _demand(len(tables.events) == at.events, "made_up", "The projection holds events that the journal does not.")
    lines = world.site.broker.registry.lines
    # A projector that was stopped in the middle of a change of the registry has judged some voters ahead of it.
    rights = (Rights(lines[: at.registry]), Rights(lines))
    about: dict[str, list[Entry]] = {}
    for dot, row in tables.events.items():
        if row.standing == "counted":
            entry = ledger._dots[dot]
            about.setdefault(row.voter, []).append(entry)
            _look_at_counted(ledger, entry, rights, at.events)
    _demand(
        sorted(about) == sorted(tables.voters),
        "vanished",
        "A voter with counted events has no state, or the other way.",
    )
    for voter, counted in about.items():
        state = tables.voters[voter]
        decision = canonical.decode(state.decision)
        _demand(decision["tps"] == state.tps, "two_rolls", f"Voter {voter} stands on two rolls.")
        _look_at_voter(world, Seen(voter, decision, counted))


def _is_behind_a_restore(world: World, entries: list[Entry]) -> bool:
    at = world.site.live.checkpoint
    if at.events > len(entries) or at.registry > len(world.site.broker.registry.lines):
        return True
    there = world.site.broker.registry.lines[at.registry - 1] if at.registry else b""
    return (at.events > 0 and entries[at.events - 1].hash != at.event_hash) or (
        at.registry > 0 and ids.sha256(there) != at.registry_hash
    )


def _look_at_counted(ledger: Ledger, entry: Entry, rights: Sequence[Rights], upto: int) -> None:
    body = entry.body
    name = f"Entry {body['seq']} of {body['device']}"
    _demand(entry.hash in ledger.signed, "unsigned", f"{name} counts, and nobody signed it.")
    whys = [one.why_not(entry) for one in rights]
    why = next((why for why in whys if why is not None), "")
    _demand(None in whys, "not_entitled", f"{name} counts, and {why}.")
    for dot in body["clock"].items():
        named = ledger._dots.get(dot)
        is_here = (named is not None and named.position <= upto) or any(one.is_lost(dot) for one in rights)
        _demand(is_here, "parked_and_counted", f"{name} counts, and names {dot[0]}:{dot[1]}, which is not here.")
        if named is not None and dot[0] != body["device"] and not any(one.is_lost(dot) for one in rights):
            _demand(named.body["voter"] == body["voter"], "wrong_cause", f"{name} counts, and its cause is another's.")


def covers(later: Mapping[str, int], earlier: Mapping[str, int]) -> bool:
    return later != earlier and all(later.get(device, 0) >= seq for device, seq in earlier.items())


def _look_at_voter(world: World, seen: Seen) -> None:
    decision, counted = seen.decision, seen.counted
    last: dict[str, Body] = {}
    for one in counted:
        if one.body["type"] == "not_met" and last.get(one.body["device"], {"seq": 0})["seq"] < one.body["seq"]:
            last[one.body["device"]] = one.body
    attempts = sum(one["nth"] for one in last.values())
    _demand(decision["attempts"] == attempts, "attempts",
            f"Voter {seen.voter} was sought {attempts} times, and {decision['attempts']} are shown.")  # fmt: skip
    verdicts = [one for one in counted if _verdict(world, one.body)]
    for one in verdicts:
        name = f"{one.body['device']}:{one.body['seq']}"
        _demand(
            name in decision["alive"]
            or any(
                _level(by.body) >= _level(one.body) and covers(by.body["clock"], one.body["clock"]) for by in verdicts
            ),
            "yielded_unseen",
            f"Of voter {seen.voter}, entry {name} yielded to one that had not seen all that it had.",
        )
    if decision["on_list"]:
        return
    opinion = decision["verdict"] + (f"/{decision['reason']}" if decision["reason"] else "")
    behind = [one for one in counted if _verdict(world, one.body) == opinion]
    _demand(
        bool(behind), "left_by_a_proposal", f"Voter {seen.voter} left the list as {opinion}: nobody ruled or proved it."
    )
    if opinion == "disqualified/duplicate":
        return
    for met in counted:
        if met.body["type"] == "new" or (met.body["type"] == "found" and met.body["how"] in MET):
            _demand(
                any(_verdict(world, one.body) and covers(one.body["clock"], met.body["clock"]) for one in counted),
                "left_though_met",
                f"Voter {seen.voter} left the list as {opinion} by one who did not know that entry {met.body['seq']} "
                f"of {met.body['device'][:6]} had met them.",
            )


def _level(body: Body) -> int:
    if body["type"] == "ruled":
        return {"pps": 2, "ppk": 3, "kpu": 4}[body["role"]]
    return 0 if body["type"] == "listed" else 1


def _verdict(world: World, body: Body) -> str:
    """The verdict that an event writes, or nothing."""
    policy = world.policies[body["policy"]]
    match body["type"]:
        case "new" | "found":
            return "confirmed"
        case "listed" | "reopened":
            return "unvisited"
        case "ruled":
            return str(body.get("verdict", "")) + (f"/{body['reason']}" if "reason" in body else "")
        case "moved" | "deceased" | "disqualified":
            removal = {"moved": "moved_away", "deceased": "deceased"}.get(
                body["type"], f"disqualified/{body.get('reason')}"
            )
            proved = "evidence" in body and policy.strength(removal, body["evidence"]) >= 0
            if body["type"] == "moved" and "to" in body and (proved or body["to"][:10] == body["tps"][:10]):
                return "unvisited"
            return removal if proved else ""
    return ""


# --- rights, read once more ------------------------------------------------------------------------------------------


class Rights:
    """What the registry's lines give to whom: of a world in which only the office and its codes give anything."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.holders: dict[str, str] = {}
        self.grants: list[tuple[int, str, str, str, str]] = []
        self.revoked: list[tuple[int, str, int, str]] = []
        self.readmitted: list[tuple[int, Body]] = []
        self.clones: dict[str, int] = {}
        self.lost: dict[str, int] = {}
        vouchers: dict[str, Body] = {}
        root: str | None = None
        services: list[str] = []
        for position, line in enumerate(lines, start=1):
            body = canonical.decode(line)["registry"]
            kind, author = body["type"], body["device"]
            if kind == "election_opened" and root is None:
                root = author
                services = [one["public_key"] for one in body["services"]]
            by_office, terms = author == root, vouchers.get(author)
            if kind == "vouched" and by_office:
                vouchers[body["voucher"]] = body
            elif kind == "device_enrolled" and (by_office or terms) and body["enrolled"] not in self.holders:
                self.holders[body["enrolled"]] = body["holder"]
            elif kind == "assigned" and (by_office or terms):
                self.grants.append(
                    (position, body["officer_assigned"], body["role_assigned"], body["area"], body["to_device"])
                )
            elif kind == "revoked" and by_office:
                self.revoked.append((position, body["revoked"], body["from_seq"], body.get("area", "")))
            elif kind == "readmitted" and by_office:
                self.readmitted.append((position, body))
            elif kind == "dots_lost" and by_office:
                self.lost[body["lost"]] = min(body["after"], self.lost.get(body["lost"], body["after"]))
            elif kind == "cloned" and services:
                self.clones.setdefault(body["cloned"], position)

    def is_lost(self, dot: Dot) -> bool:
        return dot[0] in self.lost and dot[1] > self.lost[dot[0]]

    def why_not(self, entry: Entry) -> str | None:
        """Why an event may not count; None when it may."""
        why = self._why_not(entry)
        return None if why is not None and self._is_readmitted(entry) else why

    def _why_not(self, entry: Entry) -> str | None:
        body, device, seq = entry.body, entry.body["device"], entry.body["seq"]
        if device not in self.holders:
            return "its device was never enrolled"
        if any(one == device and seq >= start and not area for _, one, start, area in self.revoked):
            return "its device was revoked before it"
        if device in self.clones and entry.stamp >= self.clones[device]:
            return "its device was known as cloned by then"
        named = [one for one in self.grants if (one[1], one[2]) == (body["officer"], body["role"])]
        over = [
            one
            for one in self.grants
            if body["tps"].startswith(one[3]) and one[4] == device and not self._is_over(one, seq)
        ]
        if not any(body["tps"].startswith(one[3]) for one in named):
            return f"{body['officer']} is no {body['role']} of {body['tps']}"
        if not any(one in named or one[2] == "operator" for one in over):
            return f"its device has no right to {body['tps']}"
        return None

    def _is_over(self, grant: tuple[int, str, str, str, str], seq: int) -> bool:
        given, _, _, area, device = grant
        return any(
            one == device and within and area.startswith(within) and position > given and seq >= start
            for position, one, start, within in self.revoked
        )

    def _is_readmitted(self, entry: Entry) -> bool:
        return any(
            entry.stamp <= position
            and ("of_device" not in what or what["of_device"] == entry.body["device"])
            and ("of_tps" not in what or what["of_tps"] == entry.body["tps"])
            for position, what in self.readmitted
        )
