// The pack: what lies behind the launcher in its own file, and how it is unpacked.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "launcher.h"

// No chunk is larger, packed or not: what unpacking takes of memory at once.
static const uint64_t MAX_CHUNK_BYTES = 32u << 20;
static const uint64_t MAX_UNPACKED_BYTES = 1024u << 20;
// As much as Linux maps at a page fault. What comes in larger writes it keeps in larger pieces and maps whole, so that a program
// that was unpacked just now counts 30 MB more as resident than it touches.
static const size_t MAX_WRITE_BYTES = 64u << 10;

static int reads_all(int file, void *target, size_t bytes, off_t at) {
  for (size_t done = 0; done < bytes;) {
    ssize_t got = pread(file, (char *)target + done, bytes - done, at + (off_t)done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    done += (size_t)got;
  }
  return 1;
}

static uint64_t adds_word(uint64_t check, uint64_t word) {
  check = (check ^ word) * 0x100000001b3u;
  // Else what changes in the highest bits changes nothing below, and twice is not at all.
  return check ^ check >> 32;
}

// Eight bytes at a time, since all of the launcher is read at each start; what is missing of the last eight counts as zeros.
static uint64_t adds_to_check(uint64_t check, const unsigned char *bytes, size_t count) {
  uint64_t word;
  for (; count >= sizeof word; bytes += sizeof word, count -= sizeof word) {
    memcpy(&word, bytes, sizeof word);
    check = adds_word(check, word);
  }
  if (count == 0) return check;
  word = 0;
  memcpy(&word, bytes, count);
  return adds_word(check, word);
}

// Whether the launcher, which ends where the chunks begin, and the index are as they were made.
static int is_as_made(int file, const struct pack_index *index) {
  uint64_t check = 0xcbf29ce484222325u;
  unsigned char bytes[1 << 16];
  for (uint64_t at = 0; at < index->at;) {
    size_t count = index->at - at < sizeof bytes ? (size_t)(index->at - at) : sizeof bytes;
    if (!reads_all(file, bytes, count, (off_t)at)) return 0;
    check = adds_to_check(check, bytes, count);
    at += count;
  }
  return adds_to_check(check, (const unsigned char *)index, offsetof(struct pack_index, check)) == index->check;
}

static uint64_t chunks_of(const struct packed_file *file) {
  return (file->bytes + MAX_CHUNK_BYTES - 1) / MAX_CHUNK_BYTES;
}

int reads_pack(int file, struct pack *pack) {
  struct pack_index *index = &pack->index;
  struct stat facts;
  if (fstat(file, &facts) != 0 || facts.st_size < (off_t)sizeof *index) return 0;
  off_t end = facts.st_size - (off_t)sizeof *index;
  if (!reads_all(file, index, sizeof *index, end)) return 0;
  if (memcmp(index->magic, PACK_MAGIC, sizeof index->magic) != 0) return 0;
  if (index->files <= LIBRARIES || index->files > MAX_FILES || index->chunks > MAX_CHUNKS) return 0;
  for (size_t at = 0; at < sizeof index->digest; at += 1)
    if (strchr("0123456789abcdef", index->digest[at]) == NULL || index->digest[at] == '\0') return 0;

  uint64_t chunks = 0, unpacked = 0, packed = 0;
  for (size_t at = 0; at < index->files; at += 1) {
    struct packed_file *one = &index->file[at];
    if (memchr(one->name, '\0', sizeof one->name) == NULL || one->bytes > MAX_UNPACKED_BYTES) return 0;
    if (one->name[0] == '\0' || one->name[0] == '.' || strchr(one->name, '/') != NULL) return 0;
    chunks += chunks_of(one);
    unpacked += one->bytes;
  }
  for (size_t at = 0; at < index->chunks; at += 1) {
    if (index->chunk[at].bytes > MAX_CHUNK_BYTES || index->chunk[at].packed > MAX_CHUNK_BYTES) return 0;
    packed += index->chunk[at].packed;
  }
  if (chunks != index->chunks || unpacked > MAX_UNPACKED_BYTES) return 0;
  // Nothing is missing between the chunks and this index.
  if (index->at > (uint64_t)end || index->at + packed != (uint64_t)end || !is_as_made(file, index)) return 0;
  pack->source = file;
  pack->unpacked = unpacked;
  return 1;
}

int is_addon(const struct packed_file *file) {
  size_t length = strlen(file->name);
  return length > 5 && strcmp(file->name + length - 5, ".node") == 0;
}

int adds_to_list(char list[PATH_MAX], const char *format, ...) {
  size_t length = strlen(list);
  if (length > 0 && length < PATH_MAX - 1) list[length++] = ':';
  va_list arguments;
  va_start(arguments, format);
  int added = vsnprintf(list + length, PATH_MAX - length, format, arguments);
  va_end(arguments);
  return added >= 0 && (size_t)added < PATH_MAX - length;
}

static int writes_all(int file, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(file, bytes, count < MAX_WRITE_BYTES ? count : MAX_WRITE_BYTES);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes += written;
    count -= (size_t)written;
  }
  return 0;
}

struct buffers {
  char *packed;
  char *unpacked;
};

static int unpacks_chunk(const struct pack *pack, const struct packed_chunk *chunk, uint64_t at, struct buffers with, int to) {
  if (!reads_all(pack->source, with.packed, chunk->packed, (off_t)at)) return UNPACK_DAMAGED;
  size_t bytes = ZSTD_decompress(with.unpacked, MAX_CHUNK_BYTES, with.packed, chunk->packed);
  // Each chunk ends with a checksum, which ZSTD_decompress compares.
  if (ZSTD_isError(bytes) || bytes != chunk->bytes) return UNPACK_DAMAGED;
  return writes_all(to, with.unpacked, bytes);
}

static int unpacks_with(const struct pack *pack, struct buffers with, int (*open_file)(void *, size_t), void *context) {
  const struct packed_chunk *chunk = pack->index.chunk;
  uint64_t at = pack->index.at;
  for (size_t index = 0; index < pack->index.files; index += 1) {
    int to = open_file(context, index);
    if (to < 0) return errno;
    for (uint64_t left = chunks_of(&pack->index.file[index]); left > 0; left -= 1, chunk += 1) {
      int why = unpacks_chunk(pack, chunk, at, with, to);
      if (why != 0) return why;
      at += chunk->packed;
    }
  }
  return 0;
}

int unpacks(const struct pack *pack, int (*open_file)(void *context, size_t index), void *context) {
  struct buffers with = {malloc(MAX_CHUNK_BYTES), malloc(MAX_CHUNK_BYTES)};
  int why = ENOMEM;
  if (with.packed != NULL && with.unpacked != NULL) why = unpacks_with(pack, with, open_file, context);
  free(with.packed);
  free(with.unpacked);
  return why;
}
