"""The phone's side: an outbox that is on disk, the roll as it folds it, and the sync with a service (SPEC §7)."""
