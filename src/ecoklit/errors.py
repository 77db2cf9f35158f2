"""What can go wrong, for the person who reads it: one sentence and a stable code."""


class EcoklitError(Exception):
    """The base of every error shown to people: a stable `code`, and one sentence that says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
