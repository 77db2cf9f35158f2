"""Model A-Daftar Pemilih and A-Rekap as pages: what stands on them, and that a name is never more than a name."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecoklit.contract import data_path
from ecoklit.core.codebook import parse_codebook
from ecoklit.core.suppression import COLUMNS
from ecoklit.paper.forms import recap_document, roll_document
from ecoklit.paper.sheet import Column, Document, Grid, NoPaper, Sheet, folded, images, pdf, printable
from ecoklit.ports import Answer, AsOf, RollAnswer
from ecoklit.services.as_of import COUNTS

pypdf = pytest.importorskip("pypdf")
pytest.importorskip("typst")
BOOK = parse_codebook(data_path("events", "codebooks", "2024.json").read_bytes())
AS_OF = AsOf("9404", "e2024", 41512, 41512)
TPS = "9404012001001"
DIGEST = bytes(range(32))
MARKUP = '#panic(1) #strong[A] *b* _i_ $x$ `raw` @ref <label> // /* \\ #read("/etc/passwd") = ] ) }'


def voter(**more: Any) -> dict[str, Any]:
    return {
        "nkk": "940401**********", "nik": "940401**********", "name": "YOHANA MAGAL", "birth_place": "TIMIKA",
        "birth_date": "1990-07-01", "marital": "S", "sex": "P", "address": "JL. BUDI UTOMO 1", "rt": "001",
        "rw": "002", "disability": "visual", "ektp": "S", "remark": "ubah",
    } | more  # fmt: skip


def roll_of(*rows: dict[str, Any], tps: str = TPS) -> RollAnswer:
    return RollAnswer(AS_OF, tps, DIGEST, list(rows))


def pages(document: Document) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf(document))).pages]


def roll_pages(*rolls: RollAnswer, is_spaced: bool = False, supervised: bool = False) -> list[str]:
    return pages(
        roll_document(
            rolls, BOOK, recipient="PPS Kwamki", when="2024-07-24", is_spaced=is_spaced, supervised=supervised
        )
    )


def words(page: str) -> str:
    return " ".join(page.split())


def test_a_list_has_the_thirteen_columns_and_says_whose_it_is() -> None:
    """Every particular in the marks of the code book, who signs, and at the foot: area, position, digest, recipient."""
    (page,) = roll_pages(roll_of(voter(), voter(name="PETRUS", sex="L", disability=None, remark="belum")))
    said = words(page)
    for value in ("YOHANA MAGAL", "TIMIKA", "1990-07-01", "JL. BUDI UTOMO 1", "001", "002", "PETRUS"):
        assert value in said, value
    for heading in ("Nomor KK", "NIK", "Nama", "Tempat lahir", "Kawin", "L/P", "Jalan/Dukuh", "KTP-el", "Ket."):
        assert heading in said, heading
    assert " 6 S U " in said, "the digit of the disability, the KTP-el, and U for changed"
    assert "Pantarlih" in said and "Ketua PPS" in said and "Laki-laki 1 + perempuan 1 + tidak tercatat 0 = 2" in said
    assert "94.04.01.2001.001" in said and "posisi jurnal 41512" in said and DIGEST.hex() in said
    assert said.count("PPS Kwamki") == 2 and "Halaman 1 dari 1" in said, "at the foot, and under the text"


def test_the_copy_for_supervisors_has_seven_elements() -> None:
    """Name, sex, age, address, RT, RW and remark; what else the rows have does not get onto the page."""
    (page,) = roll_pages(roll_of(voter(age=34)), supervised=True)
    assert "YOHANA MAGAL" in page and "34" in page and "Usia" in page
    for hidden in ("940401", "1990-07-01", "TIMIKA", "NIK", "KTP-el", "Disabilitas"):
        assert hidden not in page, hidden


def test_each_tps_of_a_village_begins_a_page() -> None:
    """And every page of either says which of how many it is, for whom, and of which TPS."""
    rolls = [roll_of(*[voter()] * 70), roll_of(voter(), tps="9404012001002")]
    said = roll_pages(*rolls, is_spaced=True)
    assert len(said) > 3
    for number, page in enumerate(said, 1):
        assert f"Halaman {number} dari {len(said)}" in words(page) and "PPS Kwamki" in page
        assert ("94.04.01.2001.002" in page) == (number == len(said))


def test_an_empty_row_under_each_voter_takes_room() -> None:
    """With --spaced a page has far fewer voters: there is room to write under each."""
    rows = [voter()] * 60
    assert len(roll_pages(roll_of(*rows), is_spaced=True)) > len(roll_pages(roll_of(*rows)))


def test_markup_in_a_name_is_a_name() -> None:
    """Nothing that somebody writes into a field is read as the language of the pages."""
    (page,) = roll_pages(roll_of(voter(name=MARKUP, address=MARKUP)))
    assert words(page).replace(" ", "").count(MARKUP.replace(" ", "")[:30]) == 2
    assert "root:" not in page


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(max_size=60), min_size=8, max_size=8))
def test_any_text_makes_a_page(values: list[str]) -> None:
    """Whatever characters and words somebody wrote, there is a page, and the sheets after it are there."""
    names = ("name", "address", "birth_place", "birth_date", "rt", "rw", "disability", "sex")
    said = roll_pages(roll_of(voter(**dict(zip(names, values, strict=True)))), roll_of(voter(name="LAST")))
    assert "LAST" in said[-1]


def test_what_turns_words_around_is_a_mark() -> None:
    """Characters without a shape, such as those that reverse what follows, are the mark for what cannot be printed."""
    assert printable("MARIA\u202eLAGAM\x00\n\u2066x") == "MARIA\ufffdLAGAM\ufffd\ufffd\ufffdx"
    assert printable("Ñandú علي 王 क्\u200dष") == "Ñandú علي 王 क्\u200dष"


def test_a_word_that_no_column_holds_goes_on_below() -> None:
    """With a place to break after so many letters, and not a letter less; words that fit are as they were."""
    assert folded("JL. " + "W" * 7 + " A", 3) == "JL. WWW\u200bWWW\u200bW A"
    assert folded("YOHANA  MAGAL", 6) == "YOHANA  MAGAL" and folded("", 3) == ""


def test_equal_sheets_are_equal_bytes() -> None:
    """No clock, machine or chance gets into the file; another recipient does."""

    def made(recipient: str) -> bytes:
        rolls = [roll_of(voter())]
        return pdf(roll_document(rolls, BOOK, recipient=recipient, when="x", is_spaced=False, supervised=False))

    assert made("A") == made("A") != made("B")


def counts(area: str, **more: int | None) -> dict[str, Any]:
    return {"area": area, "tps_count": 1} | {name: index for index, name in enumerate(COUNTS, 10)} | more


def test_a_recap_has_its_parts_their_sums_and_the_codes_of_the_book() -> None:
    """Each part, each sum, the reasons with their numbers; what is left out has a star, and so has its sum."""
    rows = [counts("9404012001001", visual=None, deceased=700), counts("9404012001002", deceased=21)]
    document = recap_document(Answer(AS_OF, rows), "9404012001", DIGEST, BOOK, recipient="PPK", when="x")
    said = words(" ".join(pages(document)))
    assert "94.04.01.2001.001" in said and "94.04.01.2001.002" in said and "721" in said
    assert "Meninggal (1)" in said and "WNA (5)" in said and "Hak pilih dicabut (–)" in said and "Netra (6)" in said
    assert said.count(" *") == 3 and "terhitung dari angka lain" in said  # the cell, its sum, and the note
    assert "Anggota PPS" in said and DIGEST.hex() in said and "data pribadi" not in said


def test_a_recap_without_stars_does_not_explain_them() -> None:
    """The note about what is left out stands only where something is."""
    document = recap_document(Answer(AS_OF, [counts("940401")]), "9404", DIGEST, BOOK, recipient="KPU", when="x")
    said = " ".join(pages(document))
    assert "*" not in said and "Ketua KPU" in said and set(COLUMNS) <= set(COUNTS)


def test_pages_can_be_looked_at() -> None:
    """As images, one for each page."""
    grid = Grid([Column("A")], [["x"]] * 150)
    made = images(Document("t", "r", [Sheet("T", "F", [("P", "1")], [grid], ["S"], ["foot"])]))
    assert len(made) > 1 and all(image.startswith(b"\x89PNG") for image in made)


def test_without_typst_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that makes pages is an extra: who lacks it is told its name."""
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(NoPaper, match=r"pip install 'ecoklit\[paper\]'"):
        pdf(Document("t", "r", []))
