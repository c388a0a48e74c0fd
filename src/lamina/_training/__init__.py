"""Training: what `compile` was given, the compiled program, the data, and the thin shell around them.

Reading order: compile, program, plan, data, trainer.
"""
