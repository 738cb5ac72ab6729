"""How many bots each fraud rule catches and how many humans it accuses, in simulated minutes."""
