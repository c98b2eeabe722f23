"""An independent model of SEMANTICS: naive, single-threaded, exact.

It shares no code with the engine.  Prices, quantities and sizes are fractions, cash counts integer
units of 10^-18, and every rule is written the long way round so that it can be checked by reading.
"""
