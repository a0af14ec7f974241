"""Tables of facts that ship with the core, each with its loader."""
