"""Events: what happens here, as CloudEvents 1.0 for other systems, without text and without personal data."""
