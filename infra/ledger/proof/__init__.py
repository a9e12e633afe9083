"""Verification of a ledger as pure functions: data in, verdict out. Imports the standard library only."""
