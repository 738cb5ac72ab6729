"""What developers and operators run by hand: the system on one machine, replays, new secrets."""
