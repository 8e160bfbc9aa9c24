"""What citizens write, as feeling and themes. Functions on texts: where these come from and go is not known here."""
