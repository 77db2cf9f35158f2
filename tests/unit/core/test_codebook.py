"""Code books: what a mark on paper means in one election."""

import pytest

from ecoklit.contract import data_path
from ecoklit.core.codebook import Codebook, CodebookFault, decoded_remark, parse_codebook

BOOKS = ("2018", "2023", "2024")


def book(name: str) -> Codebook:
    return parse_codebook(data_path("events", "codebooks", f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", BOOKS)
@pytest.mark.parametrize("column", ["marital", "sex", "disability", "ektp"])
def test_every_word_that_a_book_writes_it_reads_again(name: str, column: str) -> None:
    """A mark that was written for a word is read as that word, in every shipped book."""
    words = {book(name).read(column, mark).word for mark in "123456BLPS"} - {None}
    assert words
    for word in words:
        mark = book(name).write(column, word)
        assert mark and book(name).read(column, mark).word == word


def test_one_digit_means_other_things_in_other_elections() -> None:
    """Disability 2 was blindness in 2018 and is intellectual now; TMS 5 was an unknown person and is a foreigner."""
    assert [book(name).read("disability", "2").word for name in BOOKS] == ["visual", "intellectual", "intellectual"]
    assert [book(name).read("tms", "5").word for name in BOOKS] == [
        "disqualified/unknown", "disqualified/unknown", "disqualified/foreign",
    ]  # fmt: skip


def test_a_digit_of_two_meanings_is_known_and_means_nothing() -> None:
    """Hearing and speech were one digit in 2018: the book knows the digit, and nobody guesses a word."""
    assert book("2018").read("disability", "3") == (None, True)


def test_of_two_marks_for_one_word_the_first_is_written() -> None:
    """A book may read two marks as one word; it writes the one that it names first."""
    two = Codebook("x", {"sex": {"L": "L", "1": "L"}})
    assert two.read("sex", "1").word == "L" and two.write("sex", "L") == "L"


def test_a_word_without_a_mark_is_not_written() -> None:
    """2018 had no digit for a mental disability: None, not an empty cell."""
    assert book("2018").write("disability", "mental") is None
    assert book("2018").write("disability", None) == ""


@pytest.mark.parametrize(("remark", "said"), [
    ("", ("none", None)), ("0", ("none", None)), ("-", ("none", None)), ("u", ("changed", None)),
    ("1", ("struck", "deceased")), ("4", ("struck", "moved_away")), ("8", ("struck", "moved_inside")),
    ("9", ("unknown", None)), ("rumah kosong", ("unknown", None)),
])  # fmt: skip
def test_remarks_are_decoded(remark: str, said: tuple[str, str | None]) -> None:
    """The remarks column says nothing, a change, a removal, or something that only a person can read."""
    assert decoded_remark(book("2024"), remark) == said


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"codebook":1}', "\ud800".encode("utf-8", "surrogatepass")])
def test_what_is_no_code_book_is_refused(data: bytes) -> None:
    """A file that is no code book is refused by name."""
    with pytest.raises(CodebookFault, match="no code book"):
        parse_codebook(data)
