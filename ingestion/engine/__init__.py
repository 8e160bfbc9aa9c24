"""Loading, for every platform: contract, parsing, validation, quarantine, writing."""
