"""Sweeps: combinations of parameters, run over the same data.

The parts stand in the order in which a sweep passes them: ``grid`` (which combinations),
``plan`` (what all of them share), ``remote`` (an executor's side), ``walk`` (folds in time),
``run`` (all of it together). What comes out is in `pairloom.sweep`.
"""
