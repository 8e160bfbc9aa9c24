"""How a load works, whatever the platform: contract, parsing, validation, quarantine, writing."""
