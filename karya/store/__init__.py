"""MongoDB: the only room that knows it."""

import sys
from importlib.util import find_spec

if find_spec("OpenSSL") is None:
    # The driver would look for it by loading `cryptography` first, where that is there: 8 MB in each process,
    # until it finds that it has to do without.
    sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]
