"""Statistical disclosure control: small counts of victims and what else has to be hidden with them."""
