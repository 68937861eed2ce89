# Nothing here is for users: see core.pxd.
from typing_extensions import disjoint_base

@disjoint_base
class Core: ...
