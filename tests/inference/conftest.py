from tests.export.conftest import truncation_is_known  # noqa: F401
from tests.tasks.conftest import bert, embedder, loaded  # noqa: F401
