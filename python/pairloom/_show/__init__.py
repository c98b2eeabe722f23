"""How results look: text for terminals, HTML for notebooks, and the sentences of the warnings."""
