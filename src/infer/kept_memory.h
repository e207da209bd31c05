// Memory that models free stays with the process.
#pragma once

namespace quorate {

// A model allocates and frees the same megabytes for every batch. Handed back to the system each time, they come back page
// by page under a lock that all lanes share: two lanes of small networks lost a quarter of their throughput to it. So
// glibc's allocator is told, once for the whole process, to keep up to a gigabyte an arena, unless the environment tells it
// something itself (MALLOC_TRIM_THRESHOLD_, MALLOC_MMAP_THRESHOLD_, GLIBC_TUNABLES). Other allocators are left alone.
void keep_freed_memory();

}  // namespace quorate
