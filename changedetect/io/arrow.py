"""Arrow as this program uses it: with the memory of the system, which is given back when free.

Arrow's own allocator keeps freed pages for later, so that a process grows with the number of
tables that it has read and not with the largest of them.
"""

import pyarrow as pa

pa.set_memory_pool(pa.system_memory_pool())

__all__ = ["pa"]
