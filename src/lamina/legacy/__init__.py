"""Keras 1 and 2: where their modules and names are found today. The modern code knows none of this.

Names are four tables that `lamina.alias` reads:

- `REWRITTEN`: other ways to write `keras`, such as `tensorflow.keras`;
- `MODULES`: modules that no longer exist, and the lamina modules that hold their names now;
- `RENAMED`: single names and their present spelling;
- `REMOVED`: names without an equal, and what to use instead.

A modern name always wins: a table is asked only for what lamina itself does not have.

Arguments (`lr=`, `nb_epoch=`, `border_mode=`, ...) are a table per class, old name -> new name, and
functions of all arguments where values change as well. The alias hands out the modern classes
themselves (`keras.layers.Dense is lamina.layers.Dense`): when it first does so, it puts a
constructor over theirs that looks into the table. The same goes for methods that models had
(`fit_generator`, `predict_classes`). All this ends when the alias is uninstalled; without it an old
argument is an error, as anything is that is not in a signature.
"""

from lamina.legacy._arguments import forget_all
from lamina.legacy._methods import teach_old_ways
from lamina.legacy._modules import MODULES, REWRITTEN, VERSIONS
from lamina.legacy._removed import REMOVED
from lamina.legacy._renamed import RENAMED

__all__ = [
    "MODULES", "REMOVED", "RENAMED", "REWRITTEN", "VERSIONS", "forget_all", "teach_old_ways",
]  # fmt: skip
