"""Proves what was published: evidence, ledger, recomputation. Decides nothing about what is published, or when."""
