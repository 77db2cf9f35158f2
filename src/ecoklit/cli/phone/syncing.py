"""`ecoklit phone sync`: what is unsent goes up, what is new comes down, and both sides are compared."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.exits import Exit
from ecoklit.cli.phone.reporting import held_line, outside_row
from ecoklit.cli.phone.row import OPTION_TPS, Row, opened, option
from ecoklit.cli.phone.way import connected
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.field.client import Client, Synced
    from ecoklit.field.phone import Phone


def sync(arguments: argparse.Namespace) -> Exit:
    from ecoklit.field.trouble import TryLater

    with opened(arguments) as phone:
        if arguments.tps is not None:
            phone.place(arguments.tps)
        with connected(phone, arguments.service, "" if arguments.no_nats else arguments.nats) as client:
            if arguments.follow:
                go_on(phone, client, arguments)
            try:
                synced = client.sync()
            except TryLater as later:
                print(
                    f"ecoklit: {later.code}: {later.message} Coba lagi dalam · try again in {later.seconds:.0f} s.",
                    file=sys.stderr,
                )
                return Exit.LATER
        return show_synced(phone, synced, arguments)


def go_on(phone: Phone, client: Client, arguments: argparse.Namespace) -> None:
    from ecoklit.cli.output import print_json
    from ecoklit.field.client import Synced
    from ecoklit.field.follow import follow
    from ecoklit.field.waiting import Waiting

    def tell(outcome: Synced | EcoklitError) -> None:
        if isinstance(outcome, Synced):
            show_synced(phone, outcome, arguments)
        elif arguments.json:
            print_json({"code": outcome.code, "why": outcome.message})
        else:
            print(f"ecoklit: {outcome.code}: {outcome.message}", file=sys.stderr, flush=True)

    follow(
        client.sync,
        has_news=lambda: phone.outbox.is_unsent(),
        tell=tell,
        waiting=Waiting(secrets.SystemRandom().random),
        sleep=time.sleep,
    )


def show_synced(phone: Phone, synced: Synced, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line

    status = phone.status()
    set_aside = [one for one in status.outside if one.fate != "unsent"]
    same = all(one.same for one in synced.compared) and not synced.refused
    if arguments.json:
        print_json({**synced_row(synced), "outside": [outside_row(phone, one) for one in status.outside]})
    else:
        print_line(f"{synced.sent} terkirim · sent, {synced.pulled} diambil · pulled. {held_line(status)}")
        for told in synced.news:
            print_line(f"  {told}")
        for one in synced.compared:
            word = "sama · the same" if one.same else f"beda · different: {one.why}"
            print_line(f"  TPS {one.tps}: {word}")
        for tps, why in synced.refused:
            print_line(f"  TPS {tps}: tidak diberikan · not given: {why}")
        if set_aside:
            print_line(f"  {len(set_aside)} entri tidak dihitung · entries do not count: ecoklit phone status")
    return Exit.OK if same and not set_aside else Exit.DIFFERS


def synced_row(synced: Synced) -> dict[str, Any]:
    return {
        "sent": synced.sent,
        "held": synced.held,
        "pulled": synced.pulled,
        "news": list(synced.news),
        "compared": [{**one._asdict(), "same": one.same} for one in synced.compared],
        "refused": [{"tps": tps, "why": why} for tps, why in synced.refused],
    }


def options_nats(command: argparse.ArgumentParser) -> None:
    way = command.add_mutually_exclusive_group()
    way.add_argument(
        "--nats",
        metavar="URL",
        help="sync by this broker (nats://, tls://, ws:// or wss://) from now on; the service over HTTP gives the "
        "credentials once",
    )
    way.add_argument("--no-nats", action="store_true", help="sync over HTTP again")


SYNC: Final = Row(
    "sync",
    "Kirim yang belum terkirim, ambil yang baru, bandingkan. · Send what is unsent, take what is new, compare.",
    "ecoklit phone sync --follow",
    "one object for each sync: sent, held, pulled, news, compared, refused; or code and why",
    sync,
    (
        OPTION_TPS,
        option("--service", metavar="URL", help="where the service is; it is remembered"),
        options_nats,
        option("--follow", action="store_true", help="go on until Ctrl-C, also while there is no network"),
    ),
)
