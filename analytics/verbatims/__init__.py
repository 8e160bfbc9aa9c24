"""What citizens write, as feeling and themes. Functions on texts only: where these come from and go to is not known here."""
