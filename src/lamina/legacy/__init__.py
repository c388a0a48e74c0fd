"""Keras 1 and 2: where their modules and names are found today. The modern code knows none of this.

Here so far are names only, as four tables that `lamina.alias` reads:

- `REWRITTEN`: other ways to write `keras`, such as `tensorflow.keras`;
- `MODULES`: modules that no longer exist, and the lamina modules that hold their names now;
- `RENAMED`: single names and their present spelling;
- `REMOVED`: names without an equal, and what to use instead.

A modern name always wins: a table is asked only for what lamina itself does not have.

How arguments of that time (`lr=`, `nb_epoch=`, `border_mode=`, ...) will be translated. The alias
hands out the modern classes themselves (`keras.layers.Dense is lamina.layers.Dense`), so it cannot
wrap them. Instead the one place where a Configurable checks its arguments will, when it meets a
name that is not in the signature, ask a hook before it raises: `translate(cls, kwargs)` returns the
modern arguments, or None to let the error stand. `legacy` registers that hook from above when the
alias is installed, and with it a table per class: old name -> new name, or a function of all
arguments where values change as well. The modern path never runs it, and without the alias an old
argument stays an error.
"""

from lamina.legacy._modules import MODULES, REWRITTEN, VERSIONS
from lamina.legacy._removed import REMOVED
from lamina.legacy._renamed import RENAMED

__all__ = ["MODULES", "REMOVED", "RENAMED", "REWRITTEN", "VERSIONS"]
