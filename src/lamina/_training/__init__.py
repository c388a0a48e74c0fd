"""Training: what `compile` was given, the compiled program, the data, the shell around them.

Reading order: compile, program, plan, data, trainer.
"""
