"""The versions of gunicorn that our worker supports; import fails with any other."""

from __future__ import annotations

import gunicorn

KNOWN_VERSIONS = ("27.0.1",)
"""The versions of gunicorn with which our worker has passed its tests."""

if gunicorn.__version__ not in KNOWN_VERSIONS:
    raise ImportError(
        f"The worker of this version knows gunicorn {', '.join(KNOWN_VERSIONS)}, not"
        f" {gunicorn.__version__}. Set WEB_WORKER=gthread to run with any version of gunicorn.",
        name=gunicorn.__name__,
    )
