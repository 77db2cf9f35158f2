"""The transparency log: tiles, checkpoints, cosignatures and proofs, as C2SP writes them.

Everything here is pure: bytes in, bytes out. The formats are those of c2sp.org, so that other programs read and check
what this one writes: signed-note, tlog-checkpoint, tlog-tiles, tlog-cosignature, tlog-witness, tlog-proof, tlog-policy;
the tree is that of RFC 6962.
"""
