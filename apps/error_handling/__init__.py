"""Error-handling patterns around Lambda: what happens to an event that cannot be delivered or processed."""
