// Memory files: where the program is unpacked to when no folder will do. It costs its size in memory, and time at each start.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher.h"

struct memory {
  const struct pack *pack;
  int file[MAX_FILES];
};

// Since Linux 6.3, with glibc 2.38; where vm.memfd_noexec is 1, a file that does not ask for it may not be executed.
#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

static int opens_memory(void *context, size_t index) {
  struct memory *memory = context;
  // It must outlive the start of the program: the loader opens it by its number.
  const char *name = memory->pack->index.file[index].name;
  memory->file[index] = memfd_create(name, MFD_EXEC);
  // An older kernel does not know the word.
  if (memory->file[index] < 0 && errno == EINVAL) memory->file[index] = memfd_create(name, 0);
  return memory->file[index];
}

int fills_memory_files(const struct pack *pack, struct place *place) {
  struct memory memory = {.pack = pack};
  if (access("/proc/self/fd", X_OK) != 0) {
    place->why = "needs /proc";
    return 0;
  }
  int why = unpacks(pack, opens_memory, &memory);
  if (why != 0) {
    place->why = strerror(why);
    return 0;
  }
  place->libraries[0] = place->addons[0] = '\0';
  for (size_t index = LIBRARIES; index < pack->index.files; index += 1) {
    const struct packed_file *file = &pack->index.file[index];
    int has_room = is_addon(file)
                       ? adds_to_list(place->addons, "%s=/proc/self/fd/%d", file->name, memory.file[index])
                       : adds_to_list(place->libraries, "/proc/self/fd/%d", memory.file[index]);
    if (!has_room) {
      place->why = "no room for their names";
      return 0;
    }
  }
  place->how = "--preload";
  place->loader_file = memory.file[LOADER];
  snprintf(place->folder, sizeof place->folder, "a memory file");
  snprintf(place->program, sizeof place->program, "/proc/self/fd/%d", memory.file[PROGRAM]);
  return 1;
}
