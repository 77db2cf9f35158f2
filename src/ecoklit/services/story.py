"""A voter's history as sentences, in Bahasa Indonesia and English: each event, how it stands, and by which rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from ecoklit.core import ids
from ecoklit.core.causality import COUNTED, Standing
from ecoklit.core.effect import effect_of
from ecoklit.core.event import (
    AnyEvent,
    Deceased,
    Disqualified,
    Found,
    Listed,
    Moved,
    New,
    NotMet,
    Reopened,
    Ruled,
)
from ecoklit.core.policy import Policy
from ecoklit.core.wire import Held
from ecoklit.services.case import Case, Judged, Law, Status, judged


class Said(NamedTuple):
    """One sentence, in both languages."""

    bahasa: str
    english: str

    def __str__(self) -> str:
        return f"{self.bahasa} · {self.english}"


class Told(NamedTuple):
    """One event of a story: its place in the journal (0: unknown), what it says, how it stands, and by which rule it
    does what it does."""

    position: int
    device: str
    seq: int
    type: str
    at: str
    tps: str
    officer: str
    role: str
    standing: str
    says: Said
    rule: Said


VERDICTS: Final = {
    "confirmed": Said("dicoklit dan sesuai", "met and confirmed"),
    "unvisited": Said("belum dicoklit", "not visited yet"),
    "moved_away": Said("pindah", "moved away"),
    "deceased": Said("meninggal", "deceased"),
    "disqualified": Said("tidak memenuhi syarat", "disqualified"),
}
REASONS: Final = {
    "duplicate": Said("ganda", "listed twice"),
    "underage": Said("di bawah umur", "under age"),
    "foreign": Said("warga negara asing", "a foreigner"),
    "military": Said("anggota TNI", "in the military"),
    "police": Said("anggota Polri", "in the police"),
    "revoked": Said("hak pilih dicabut", "deprived of the vote"),
    "unknown": Said("tidak dikenal", "unknown there"),
    "entry_error": Said("salah entri", "an error of entry"),
}
HOW: Final = {
    "in_person": Said("bertemu langsung", "in person"),
    "family": Said("lewat keluarga", "through the family"),
    "video_call": Said("lewat panggilan video", "by video call"),
    "document": Said("dari dokumen", "by a document"),
}
WHY: Final = {
    "absent": Said("tidak ada di tempat", "absent"),
    "refused": Said("menolak", "refused"),
    "unreachable": Said("tidak terjangkau", "out of reach"),
}
STANDINGS: Final = {
    "revoked_device": Said("alatnya sudah dicabut", "its device was revoked"),
    "not_entitled": Said("petugas atau alat tidak berhak di TPS itu", "officer or device had no right there"),
    "equivocation": Said("kunci alat dipakai ganda", "the device's key was used twice"),
    "unknown_tps": Said("TPS tidak ada dalam registri", "the registry has no such TPS"),
    "unknown_policy": Said("kebijakan tidak berlaku di sana", "that policy was not set there"),
    "late": Said("datang setelah coklit ditutup", "it came after coklit was closed"),
    "parked": Said("menunggu peristiwa yang disebutnya", "it waits for an event that it names"),
    "wrong_cause": Said("menyebut peristiwa yang lain dari yang ada", "it names an event other than what is there"),
    "not_on_roll": Said("pemilih tidak di wilayah petugas", "the voter was on no roll of its author's area"),
    "bad_event": Said("isinya tidak menurut aturan", "it is not as an event must be"),
    "bad_clock": Said("jamnya tidak menurut aturan", "its clock is not as it must be"),
}


def verdict_told(verdict: str, reason: str | None) -> Said:
    """A verdict with its reason, in words."""
    said = VERDICTS[verdict]
    if reason is None:
        return said
    why = REASONS[reason]
    return Said(f"{said.bahasa} ({why.bahasa})", f"{said.english} ({why.english})")


def status_told(status: Status) -> Said:
    """A status in one sentence."""
    verdict = verdict_told(status.verdict, status.reason)
    listed = ("Terdaftar", "On the list") if status.on_list else ("Tidak dalam daftar", "Off the list")
    bahasa, english = (
        f"{listed[0]} di TPS {status.tps}: {verdict.bahasa}",
        f"{listed[1]} of TPS {status.tps}: {verdict.english}",
    )
    if status.proposed:
        bahasa, english = (
            f"{bahasa}; diusulkan {', '.join(status.proposed)}",
            f"{english}; proposed {', '.join(status.proposed)}",
        )
    if status.conflicts:
        bahasa, english = (
            f"{bahasa}; konflik {', '.join(status.conflicts)}",
            f"{english}; in conflict {', '.join(status.conflicts)}",
        )
    return Said(f"{bahasa}.", f"{english}.")


def event_told(event: AnyEvent) -> Said:
    """What an event says, in one sentence: who, when, where, what."""
    what = _WHAT[type(event)](event)
    who = f"{event.role} {event.officer}"
    return Said(
        f"{event.at[:10]}, TPS {event.tps}: {who} {what.bahasa}.",
        f"{event.at[:10]}, TPS {event.tps}: {who} {what.english}.",
    )


def _listed(event: Listed) -> Said:
    return Said(f"mendaftarkan pemilih dari {event.source}", f"listed the voter from {event.source}")


def _new(event: New) -> Said:
    how = HOW[event.how]
    return Said(f"mencatat pemilih baru ({how.bahasa})", f"entered a new voter ({how.english})")


def _found(event: Found) -> Said:
    how = HOW[event.how]
    changed = "" if event.changed is UNSET else ", ".join(event.changed)
    if changed:
        return Said(
            f"mencoklit pemilih ({how.bahasa}) dan memperbaiki {changed}",
            f"confirmed the voter ({how.english}) and corrected {changed}",
        )
    return Said(f"mencoklit pemilih ({how.bahasa})", f"confirmed the voter ({how.english})")


def _moved(event: Moved) -> Said:
    to = event.to if event.to is not UNSET else event.to_area
    return _with_evidence(Said(f"melaporkan pindah ke {to}", f"reported a move to {to}"), event.evidence)


def _deceased(event: Deceased) -> Said:
    return _with_evidence(Said("melaporkan pemilih meninggal", "reported the voter deceased"), event.evidence)


def _disqualified(event: Disqualified) -> Said:
    why = REASONS[event.reason]
    said = Said(f"melaporkan tidak memenuhi syarat: {why.bahasa}", f"reported the voter disqualified: {why.english}")
    return _with_evidence(said, event.evidence)


def _with_evidence(said: Said, evidence: Any) -> Said:
    if evidence is UNSET:
        return Said(f"{said.bahasa}, tanpa bukti", f"{said.english}, without evidence")
    return Said(f"{said.bahasa}, bukti {evidence}", f"{said.english}, evidence {evidence}")


def _not_met(event: NotMet) -> Said:
    why = WHY[event.why]
    return Said(
        f"tidak bertemu pemilih, kunjungan ke-{event.nth} ({why.bahasa})",
        f"did not meet the voter, visit {event.nth} ({why.english})",
    )


def _reopened(event: Reopened) -> Said:
    to = "" if event.to is UNSET else f" {event.to}"
    return Said(f"membuka kembali entri{to}", f"opened the entry again{to}")


def _ruled(event: Ruled) -> Said:
    parts = []
    if event.verdict is not UNSET:
        parts.append(verdict_told(event.verdict, None if event.reason is UNSET else event.reason))
    if event.to is not UNSET:
        parts.append(Said(f"TPS {event.to}", f"TPS {event.to}"))
    if event.changed is not UNSET:
        changed = ", ".join(event.changed)
        parts.append(Said(f"data {changed}", f"data {changed}"))
    return Said(
        f"memutuskan: {', '.join(part.bahasa for part in parts)}", f"ruled: {', '.join(part.english for part in parts)}"
    )


_WHAT: Final[Mapping[type, Callable[[Any], Said]]] = {
    Listed: _listed, New: _new, Found: _found, Moved: _moved, Deceased: _deceased,
    Disqualified: _disqualified, NotMet: _not_met, Reopened: _reopened, Ruled: _ruled,
}  # fmt: skip


# --- by which rule ---------------------------------------------------------------------------------------------------


def rule_told(event: AnyEvent, policy: Policy) -> Said:
    """The rule by which an event that counts writes what it writes: the policy's line, or the clause."""
    removal = _removal_of(event)
    if removal is not None:
        return _line_of(policy, removal, getattr(event, "evidence", UNSET))
    if isinstance(event, Moved):
        return Said(
            "pindah dalam desa tidak perlu bukti (SPEC §2.4)", "a move inside the village needs none (SPEC §2.4)"
        )
    if isinstance(event, NotMet):
        return Said("tidak mengubah apa-apa (SPEC §2.1)", "it changes nothing (SPEC §2.1)")
    level, weight = effect_of(event, policy).level, effect_of(event, policy).weight
    return Said(
        f"tingkat {level} (SPEC §4.1), bobot {weight} (SPEC §5.2)",
        f"level {level} (SPEC §4.1), weight {weight} (SPEC §5.2)",
    )


def _removal_of(event: AnyEvent) -> str | None:
    if isinstance(event, Deceased):
        return "deceased"
    if isinstance(event, Disqualified):
        return f"disqualified/{event.reason}"
    is_near = (
        isinstance(event, Moved) and event.to is not UNSET and ids.village_of(event.to) == ids.village_of(event.tps)
    )
    return "moved_away" if isinstance(event, Moved) and not is_near else None


def _line_of(policy: Policy, removal: str, evidence: Any) -> Said:
    row = policy.removals.get(removal)
    accepted = "-" if row is None else " < ".join(row.accepted)
    line = f"{policy.name} {removal}: {accepted}"
    if evidence is not UNSET and policy.strength(removal, evidence) >= 0:
        return Said(f"bukti {evidence} diterima ({line})", f"evidence {evidence} is accepted ({line})")
    return Said(
        f"tanpa bukti yang diterima hanya usulan ({line})", f"without accepted evidence a proposal only ({line})"
    )


def standing_told(standing: Standing) -> Said:
    """Why an event does not count; of one that does, that it counts."""
    if standing.name == COUNTED:
        return Said("dihitung", "counted")
    said = STANDINGS.get(standing.name, Said(standing.name, standing.name))
    return Said(f"tidak dihitung: {said.bahasa}", f"not counted: {said.english}")


# --- the story -------------------------------------------------------------------------------------------------------


def story_of(case: Case, law: Law) -> tuple[list[Told], Judged]:
    """Every event about a voter, in the order of the journal, and what they come to."""
    found = judged(case, law)
    held = sorted(case.held, key=lambda one: case.positions.get(one.dot, 0))
    return [told(one, case, found, law.policies) for one in held], found


def told(held: Held, case: Case, found: Judged, policies: Mapping[str, Policy]) -> Told:
    event, standing = held.event, found.standings[held.hash]
    position = case.positions.get(held.dot, 0)
    if event is None:
        says = Said("Isinya tidak dapat dibaca.", "It cannot be read.")
        return Told(
            position, held.device, held.seq, "", "", held.tps, "", "", standing.name, says, standing_told(standing)
        )
    counts = standing.name == COUNTED and event.policy in policies
    return Told(
        position, held.device, held.seq, event.kind, event.at, event.tps, event.officer, event.role, standing.name,
        event_told(event), rule_told(event, policies[event.policy]) if counts else standing_told(standing),
    )  # fmt: skip
