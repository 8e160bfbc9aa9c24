"""Proves what was published: evidence, ledger, trace, verification."""
