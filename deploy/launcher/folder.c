// Folders: where the program is unpacked to, once, for all its later starts.
//
// The folder is this user's alone and is called after what is in it; files are made in another folder beside it, which gets that
// name when all of it is there. So two starts at once, a full disk and a kill leave nothing half done under that name.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "launcher.h"

// A version that nobody has started for this long goes when another one is unpacked, in seconds.
static const time_t UNUSED_AFTER = 14 * 24 * 3600;
// Somebody who was killed while unpacking left this behind, in seconds.
static const time_t ABANDONED_AFTER = 3600;

enum { PARENTS = 7 };

// The folder of this user in the place of that number; false if there is none. Home folders get `.cache` where it is missing.
static int names_parent(int number, char path[PATH_MAX]) {
  const char *variable = number == 0 ? "XDG_CACHE_HOME" : number == 1 ? "HOME" : number == 2 ? "TMPDIR" : NULL;
  const char *const fixed[PARENTS] = {NULL, NULL, NULL, "/tmp", "/var/tmp", "/dev/shm", "/run"};
  const char *base = variable == NULL ? fixed[number] : getenv(variable);
  if (base == NULL || base[0] != '/') return 0;
  unsigned user = (unsigned)geteuid();
  int length;
  if (number == 0) length = snprintf(path, PATH_MAX, "%s/converge", base);
  else if (number == 1) length = snprintf(path, PATH_MAX, "%s/.cache/converge", base);
  else length = snprintf(path, PATH_MAX, "%s/converge-%u", base, user);
  // Room for what is made inside it.
  return length > 0 && length < PATH_MAX - 256;
}

// 0, or why this folder will not do: it must be a folder, not a link to one, of this user, and writable for nobody else.
static const char *takes_own_folder(const char *path) {
  struct stat facts;
  if (mkdir(path, 0700) != 0 && errno != EEXIST) return strerror(errno);
  if (lstat(path, &facts) != 0) return strerror(errno);
  if (!S_ISDIR(facts.st_mode)) return "is not a folder";
  if (facts.st_uid != geteuid()) return "belongs to somebody else";
  if ((facts.st_mode & 022) != 0) return "others may write to it";
  return NULL;
}

// As user namespaces show whoever has no number in them; there /tmp may be the machine's.
enum { NOBODY = 65534 };

// 0, or why somebody else could put another folder in the place of this one, also between a look at it and its use.
static const char *is_replaceable(int number, const char *path) {
  char above[PATH_MAX];
  struct stat facts;
  snprintf(above, sizeof above, "%s", path);
  *strrchr(above, '/') = '\0';
  if (stat(above[0] == '\0' ? "/" : above, &facts) != 0) return NULL;
  int is_sticky = (facts.st_mode & S_ISVTX) != 0;
  int is_of_root = facts.st_uid == 0 || (facts.st_uid == NOBODY && is_sticky);
  if (facts.st_uid != geteuid() && !is_of_root) return "the folder above belongs to somebody else";
  // Whoever may write to a home has more in it than this: what shells run.
  if (number != 1 && (facts.st_mode & 022) != 0 && !is_sticky)
    return "others may replace what is in the folder above (no sticky bit)";
  return NULL;
}

static const char *takes_parent(int number, const char *path) {
  // It goes into lists of folders, where these part one from the next, or stand for something.
  if (strpbrk(path, ":;$") != NULL) return "a colon, a semicolon or a dollar is in its name";
  if (number == 1) {
    char cache[PATH_MAX];
    snprintf(cache, sizeof cache, "%s/.cache", getenv("HOME"));
    // Root with the home of a user leaves nothing there that this user cannot write to.
    const char *bad = is_replaceable(number, cache);
    if (bad != NULL) return bad;
    if (mkdir(cache, 0700) != 0 && errno != EEXIST) return strerror(errno);
  }
  const char *bad = is_replaceable(number, path);
  if (bad != NULL) return bad;
  const char *why = takes_own_folder(path);
  if (why != NULL) return why;
  struct statvfs facts;
  if (statvfs(path, &facts) == 0 && (facts.f_flag & ST_NOEXEC) != 0) return "programs may not run from there (noexec)";
  return NULL;
}

// Whether all files are there, whole, and nobody else's.
static int is_complete(const struct pack *pack, const char *folder) {
  struct stat facts;
  if (lstat(folder, &facts) != 0 || !S_ISDIR(facts.st_mode) || facts.st_uid != geteuid()) return 0;
  for (size_t index = 0; index < pack->index.files; index += 1) {
    const struct packed_file *file = &pack->index.file[index];
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, file->name) >= (int)sizeof path) return 0;
    if (lstat(path, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_uid != geteuid()) return 0;
    if ((uint64_t)facts.st_size != file->bytes) return 0;
  }
  return 1;
}

// What a build keeps in the same folder is called otherwise, however long its names are.
static int is_digest(const char *name) {
  size_t length = strlen(name);
  return length == sizeof ((struct pack_index *)0)->digest && strspn(name, "0123456789abcdef") == length;
}

static void removes_folder(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) return;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
    unlinkat(dirfd(folder), entry->d_name, 0);
  closedir(folder);
  rmdir(path);
}

// Other versions that nobody uses, and what was abandoned. A program that still runs from there keeps running.
static void tidies(const char *parent, const char *own) {
  DIR *folder = opendir(parent);
  if (folder == NULL) return;
  time_t now = time(NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char path[PATH_MAX];
    struct stat facts;
    const char *name = entry->d_name;
    int is_abandoned = strncmp(name, ".part-", 6) == 0;
    if (strcmp(name, own) == 0 || (!is_abandoned && !is_digest(name))) continue;
    if (snprintf(path, sizeof path, "%s/%s", parent, name) >= (int)sizeof path) continue;
    if (lstat(path, &facts) != 0 || !S_ISDIR(facts.st_mode)) continue;
    if (now - facts.st_mtime > (is_abandoned ? ABANDONED_AFTER : UNUSED_AFTER)) removes_folder(path);
  }
  closedir(folder);
}

struct target {
  const struct pack *pack;
  const char *folder;
  int file;
};

static int opens_file(void *context, size_t index) {
  struct target *target = context;
  char path[PATH_MAX];
  if (target->file >= 0 && close(target->file) != 0) {
    target->file = -1;
    return -1;
  }
  snprintf(path, sizeof path, "%s/%s", target->folder, target->pack->index.file[index].name);
  target->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700);
  return target->file;
}

// 0, UNPACK_DAMAGED or an errno.
static int makes_folder(const struct pack *pack, const char *parent, const char *folder) {
  char part[PATH_MAX];
  snprintf(part, sizeof part, "%s/.part-XXXXXX", parent);
  if (mkdtemp(part) == NULL) return errno;
  struct target target = {pack, part, -1};
  int why = unpacks(pack, opens_file, &target);
  if (target.file >= 0 && close(target.file) != 0 && why == 0) why = errno;
  if (why == 0 && rename(part, folder) == 0) return 0;
  if (why == 0) why = errno;
  removes_folder(part);
  return why;
}

static int uses_folder(const struct pack *pack, const char *folder, struct place *place) {
  place->loader_file = -1;
  place->how = "--library-path";
  place->why = NULL;
  snprintf(place->folder, sizeof place->folder, "%s", folder);
  snprintf(place->libraries, sizeof place->libraries, "%s", folder);
  int length = snprintf(place->loader, sizeof place->loader, "%s/%s", folder, pack->index.file[LOADER].name);
  int other = snprintf(place->program, sizeof place->program, "%s/%s", folder, pack->index.file[PROGRAM].name);
  place->addons[0] = '\0';
  for (size_t index = LIBRARIES; index < pack->index.files; index += 1) {
    const struct packed_file *file = &pack->index.file[index];
    if (is_addon(file) && !adds_to_list(place->addons, "%s=%s/%s", file->name, folder, file->name)) return 0;
  }
  // Says when it was last used.
  utimensat(AT_FDCWD, folder, NULL, 0);
  return length < (int)sizeof place->loader && other < (int)sizeof place->program;
}

static int tries_parent(struct search *search, int number, const struct pack *pack, struct place *place) {
  char parent[PATH_MAX], folder[PATH_MAX], digest[sizeof pack->index.digest + 1] = {0};
  if (!names_parent(number, parent)) return 0;
  const char *bad = takes_parent(number, parent);
  if (bad != NULL) {
    notes_failure(search, parent, bad);
    return 0;
  }
  memcpy(digest, pack->index.digest, sizeof pack->index.digest);
  if (snprintf(folder, sizeof folder, "%s/%s", parent, digest) >= (int)sizeof folder) return 0;
  if (is_complete(pack, folder)) return uses_folder(pack, folder, place);
  int why = makes_folder(pack, parent, folder);
  // Somebody else was faster, or left something that is not whole.
  if ((why == EEXIST || why == ENOTEMPTY) && !is_complete(pack, folder)) {
    removes_folder(folder);
    why = makes_folder(pack, parent, folder);
  }
  if (is_complete(pack, folder)) {
    tidies(parent, digest);
    return uses_folder(pack, folder, place);
  }
  if (why == UNPACK_DAMAGED) search->is_damaged = 1;
  else notes_failure(search, parent, strerror(why));
  return 0;
}

int finds_folder(struct search *search, const struct pack *pack, struct place *place) {
  while (search->next < PARENTS && !search->is_damaged) {
    int number = search->next;
    search->next += 1;
    if (tries_parent(search, number, pack, place)) return 1;
  }
  return 0;
}

void notes_failure(struct search *search, const char *where, const char *why) {
  size_t length = strlen(search->failures);
  snprintf(search->failures + length, sizeof search->failures - length, "%s%s: %s", length == 0 ? "" : "; ", where, why);
}
