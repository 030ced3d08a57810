// What the parts of the launcher know of each other.
#ifndef CONVERGE_LAUNCHER_H
#define CONVERGE_LAUNCHER_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

// As pack.ts writes it: little-endian, without gaps.
#define PACK_MAGIC "CONVERGE PACK 3\n"
#define MAX_FILES 16
#define MAX_CHUNKS 64

struct packed_file {
  char name[40];
  uint64_t bytes;
};

struct packed_chunk {
  uint64_t packed;
  uint64_t bytes;
};

struct pack_index {
  // The SHA-256 of all chunks as they are packed, in hex: what a folder is called.
  char digest[64];
  uint64_t at;
  uint32_t files;
  uint32_t chunks;
  struct packed_file file[MAX_FILES];
  struct packed_chunk chunk[MAX_CHUNKS];
  // Of the launcher and of this index up to here (adds_to_check): against damage, as the checksum of each chunk is.
  uint64_t check;
  char magic[16];
};

struct pack {
  int source;
  struct pack_index index;
  // All files, in bytes.
  size_t unpacked;
};

// From where the program can be started.
struct place {
  char folder[PATH_MAX];
  char loader[PATH_MAX];
  // Of a memory file; -1 in a folder.
  int loader_file;
  // How the loader is told of the libraries: `--library-path FOLDER` or `--preload FILES`.
  const char *how;
  char libraries[PATH_MAX];
  char program[PATH_MAX];
  // `NAME=PATH:NAME=PATH…` of what the program loads by itself.
  char addons[PATH_MAX];
  const char *why;
};

struct search {
  int next;
  int is_damaged;
  // What was tried and why it did not do, for a person.
  char failures[1024];
};

// The loader is the first file, the program the second; the rest are libraries, and addons, which are called `….node`.
enum { LOADER, PROGRAM, LIBRARIES };
int is_addon(const struct packed_file *file);

// Adds text to a list of things with `:` between them; false if there is no room.
int adds_to_list(char list[PATH_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

// False: the file is shorter than its index says, or has none.
int reads_pack(int file, struct pack *pack);

// Writes each file of the pack to the descriptor that `open_file` gives for it. Returns 0, UNPACK_DAMAGED, or an errno.
enum { UNPACK_DAMAGED = -1 };
int unpacks(const struct pack *pack, int (*open_file)(void *context, size_t index), void *context);

// The next folder that has the files, unpacked now or earlier; false if there is none any more.
int finds_folder(struct search *search, const struct pack *pack, struct place *place);
void notes_failure(struct search *search, const char *where, const char *why);

int fills_memory_files(const struct pack *pack, struct place *place);

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
