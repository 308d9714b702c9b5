"""Where the rooms are joined: whole jobs come in from the command line or a script, finished runs go out."""
