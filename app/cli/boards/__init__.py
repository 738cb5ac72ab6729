"""`flask boards`: the commands of boards and the types of their arguments."""
