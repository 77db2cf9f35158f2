"""What the phone says of its work: `status` at any time, `report` at the end."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.exits import Exit
from ecoklit.cli.phone.row import OPTION_TPS, Row, now, opened

if TYPE_CHECKING:
    from ecoklit.field.phone import OwnEntry, Phone, Status

OUTSIDE: Final = {
    "seq": "Entri\nentry",
    "number": "No",
    "type": "Peristiwa\nevent",
    "fate": "Keadaan\nfate",
    "name": "Kedudukan\nstanding",
    "sentence": "Sebab\nwhy",
}
SENTENCES: Final = {
    "unsent": "belum ada tanda terima; sinkronkan · there is no receipt yet; sync",
    "parked": "menunggu entri HP lain yang belum diterima layanan; dihitung sendiri setelah datang · it waits for "
    "another phone's entry that the service does not hold yet, and counts by itself when that comes",
    "revoked_device": "kantor mencabut HP ini sebelum entri itu · the office revoked this phone before that entry",
    "not_entitled": "petugas atau HP ini tidak bertugas di TPS itu · neither officer nor phone has a right there",
    "equivocation": "kunci HP ini terpakai di tempat lain · this phone's key was used elsewhere",
    "unknown_tps": "TPS itu tidak ada dalam daftar kantor · the office's registry has no such TPS",
    "unknown_policy": "kebijakan itu tidak berlaku di sana · that policy was not set there",
    "late": "datang setelah coklit di sana ditutup · it came when coklit there was closed",
    "bad_event": "entri itu tidak sesuai kontrak; hubungi kantor · the entry breaks the contract; tell the office",
    "bad_clock": "entri itu menyebut urutan yang salah; hubungi kantor · its clock is wrong; tell the office",
    "wrong_cause": "entri lain yang disebutnya bukan yang dilihatnya · an entry that it names is not the one it saw",
    "not_on_roll": "pemilih itu tidak ada dalam daftar wilayah petugas · the voter was on no roll of the officer's "
    "area",
}
"""Why an own entry does not count, by its standing (SPEC §3.8, §8.6)."""


def show_status(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line, print_table

    with opened(arguments) as phone:
        status = phone.status()
        places = [place_row(phone, place.tps, place.digest) for place in phone.outbox.places()]
        outside = [outside_row(phone, one) for one in status.outside]
        late = clock_fell(phone, status)
    if arguments.json:
        print_json(
            {
                "device": status.device,
                "officer": status.about.officer,
                "saved": status.saved,
                "held": status.held,
                "proved": status.proved,
                "stuck": {"code": status.stuck, "why": status.why} if status.stuck else None,
                "outside": outside,
                "places": places,
            }
        )
    else:
        print_line(
            f"HP · device {status.device}, petugas · officer {status.about.officer} ({status.about.role}), "
            f"{status.about.election}"
        )
        print_line(held_line(status))
        if status.stuck:
            print_line(f"TERSENDAT · STUCK: {status.stuck}: {status.why}")
        if late:
            print_line(
                "Jam HP mundur; tidak ada yang hilang, urutan entri tetap. · The phone's clock went back; nothing is "
                "lost, and the order of entries stays."
            )
        for place in places:
            print_line(place_line(place))
        if outside:
            print_table(
                "Entri sendiri yang tidak dihitung di layanan · own entries outside the count", OUTSIDE, outside
            )
    held_back = status.stuck or any(one["fate"] != "unsent" for one in outside)
    return Exit.DIFFERS if held_back else Exit.OK


def held_line(status: Status) -> str:
    """What may be said of the log: "held" only where a verified receipt names its very end."""
    if status.saved == 0:
        return "Belum ada entri. · No entries yet."
    if status.proved:
        return (
            f"Semua {status.saved} entri ada di layanan. · All {status.saved} entries are held by the server "
            "(tanda terima terverifikasi · receipt verified)."
        )
    return (
        f"{status.saved} entri tersimpan, {status.held} ada di layanan, {status.unsent} belum terkirim. "
        f"· {status.saved} entries saved, {status.held} held by the server, {status.unsent} not sent yet."
    )


def outside_row(phone: Phone, one: OwnEntry) -> dict[str, Any]:
    return {
        "seq": one.held.seq,
        "device": one.held.device,
        "number": phone.outbox.numbers().get(one.held.voter),
        "voter": one.held.voter,
        "type": one.held.event.kind if one.held.event is not None else "",
        "fate": one.fate,
        "name": one.name,
        "why": one.why,
        "sentence": sentence_of(one),
    }


def sentence_of(one: OwnEntry) -> str:
    """Why the entry does not count, Bahasa Indonesia first, and what the service or the phone knows more of it."""
    sentence = SENTENCES.get(one.name, one.name)
    return f"{sentence} ({one.why})" if one.why else sentence


def place_row(phone: Phone, tps: str, told: str) -> dict[str, Any]:
    from ecoklit.field.phone import totals_of

    totals = totals_of(phone.terms(tps))
    roll = phone.roll(tps)
    visited = sum(entry.state.decision.verdict != "unvisited" for entry in roll if entry.state.decision.on_list)
    digest = phone.digest(tps) or ""
    return {
        "tps": tps,
        "totals": totals,
        "visited": visited,
        "digest": digest,
        "same": digest == told if told else None,
    }


def place_line(place: Mapping[str, Any]) -> str:
    totals = place["totals"]
    return (
        f"TPS {place['tps']}: daftar awal · listed {totals['listed']} + baru · new {totals['new']} + masuk · arrived "
        f"{totals['arrived']} − keluar · departed {totals['departed']} − tersaring · removed {totals['removed']} = "
        f"{totals['on_list']} dalam daftar · on the list; {place['visited']} dikunjungi · visited"
    )


def clock_fell(phone: Phone, status: Status) -> bool:
    """Whether the wall clock stands before the last entry's: a hint for the officer, and nothing depends on it."""
    last = phone.outbox.own(status.device, after=max(0, status.saved - 1))
    if not last or last[0].event is None:
        return False
    return now() < datetime.fromisoformat(last[0].event.at)


def report(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.field.phone import totals_of

    with opened(arguments) as phone:
        tps = phone.place(arguments.tps)
        line = phone.report(tps)
        totals, digest = totals_of(phone.terms(tps)), phone.digest(tps)
        open_ = sum(one.state.decision.verdict == "unvisited" and one.state.decision.on_list for one in phone.roll(tps))
        status = phone.status()
    if arguments.json:
        print_json(
            {"tps": tps, "seq": line.seq, "last": status.saved, "totals": totals, "digest": digest, "unvisited": open_}
        )
        return Exit.OK
    print_line(
        f"Laporan akhir TPS {tps} tersimpan: {totals['on_list']} pemilih, {open_} belum dikunjungi. · Final report "
        f"saved: {totals['on_list']} voters, {open_} not visited."
    )
    print_line("Kirim dengan · send it with: ecoklit phone sync")
    return Exit.OK


STATUS: Final = Row(
    "status",
    "Apa yang tersimpan, terkirim, diterima; jumlah per TPS. · What is saved, sent and held; totals of each TPS.",
    "ecoklit phone status",
    "one object: device, officer, saved, held, proved, stuck, outside, places",
    show_status,
)
REPORT: Final = Row(
    "report",
    "Laporan akhir satu TPS; sync berikut mengirimnya. · The final report of a TPS; the next sync sends it.",
    "ecoklit phone report",
    "one object: tps, seq, last, totals, digest, unvisited",
    report,
    (OPTION_TPS,),
)
