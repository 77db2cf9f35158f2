"""The author of `events/vectors/`: `python -m ecoklit.testing.vectors` writes them all anew.

What writes them imports nothing of the core. What a vector expects is stated by hand, next to the history it is
expected of, and only written out in full (canonical bytes, hashes, tree heads) by the few lines of `pen`: so the
vectors can prove the core wrong. `shelf` reads them back for tests.
"""
