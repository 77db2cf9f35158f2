"""What a hostile world sends, against the real service: a table of attacks, every operation of the API, a fuzzer."""
