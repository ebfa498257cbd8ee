"""Every sentence and word that a user reads, in Chinese and in English.

The catalogue is the ``*.toml`` files beside this module, one per area (``model``, ``io``,
``field``, ``cli``, ``page`` ...), each entry with ``zh`` and ``en``. The first part of a key is
its file: ``model.error.layer_no_crs`` is in ``model.toml`` under ``[error.layer_no_crs]``.
Values are put in by `str.format`, so numbers take ``{count:,}``.
"""

from gridmap.i18n._catalogue import (
    DAYS,
    LANGUAGES,
    current_language,
    has_key,
    keys,
    set_language,
    some_names,
    system_language,
    tr,
    using_language,
)

__all__ = [
    "DAYS",
    "LANGUAGES",
    "current_language",
    "has_key",
    "keys",
    "set_language",
    "some_names",
    "system_language",
    "tr",
    "using_language",
]
