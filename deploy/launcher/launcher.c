// The launcher: the first thing that runs of `agent`, `wsproxy` and `tcptows` on Linux. It is static and needs nothing of the
// image; behind it in the same file lie the program, and the loader and the libraries that Node needs, compressed.
//
// It unpacks them once into a folder of this user, and starts the program from there with its own loader; where no folder will
// do, from memory files. pack.ts says how the file is laid out, and writes it.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launcher.h"

extern char **environ;

// What the loader would take from the job's environment is for the job's own programs: it comes to them under its own name again
// (launcher-words.ts), and to this program not at all.
static const char *const KEPT_PREFIX = "CONVERGE_KEPT_";
static const char *const OWN[] = {"CONVERGE_EXECUTABLE", "CONVERGE_ADDONS"};
enum { EXECUTABLE, ADDONS, OWN_COUNT };

static const char *program_name = "converge";
// What the program is to do at its limit on the size of files.
static void (*size_signal)(int) = SIG_DFL;

void say(const char *format, ...) {
  char line[PATH_MAX + 512];
  va_list arguments;
  va_start(arguments, format);
  size_t length = (size_t)snprintf(line, NAME_MAX, "%s: ", program_name);
  if (length >= NAME_MAX) length = NAME_MAX - 1;
  int more = vsnprintf(line + length, sizeof line - 1 - length, format, arguments);
  va_end(arguments);
  if (more < 0) return;
  length += (size_t)more;
  if (length > sizeof line - 2) length = sizeof line - 2;
  // A name may hold anything; the log of a job gets one line.
  for (size_t at = 0; at < length; at += 1)
    if ((unsigned char)line[at] < ' ' || line[at] == 127) line[at] = '?';
  line[length] = '\n';
  dprintf(STDERR_FILENO, "%.*s", (int)length + 1, line);
}

// What is opened from now on must not become the program's input or output where it was started without.
static void opens_standard_files(void) {
  int file;
  do {
    file = open("/dev/null", O_RDWR);
    // A folder gives and takes nothing, either.
    if (file < 0) file = open("/", O_RDONLY | O_DIRECTORY);
  } while (file >= 0 && file <= STDERR_FILENO);
  if (file > STDERR_FILENO) close(file);
}

static int opens_self(char path[PATH_MAX]) {
  ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
  if (length > 0) {
    path[length] = '\0';
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (file >= 0) return file;
  }
  // Without /proc: as the kernel was asked to run it.
  const char *asked = (const char *)getauxval(AT_EXECFN);
  if (asked == NULL || realpath(asked, path) == NULL) return -1;
  return open(path, O_RDONLY | O_CLOEXEC);
}

static int is_for_the_loader(const char *entry) {
  return strncmp(entry, "LD_", 3) == 0 || strncmp(entry, "GLIBC_TUNABLES=", 15) == 0;
}

static int is_own(const char *entry) {
  for (size_t index = 0; index < OWN_COUNT; index += 1) {
    size_t length = strlen(OWN[index]);
    if (strncmp(entry, OWN[index], length) == 0 && entry[length] == '=') return 1;
  }
  return 0;
}

// The environment of the program: as it is, with the loader's words under other names, where this file is, and where addons are.
static char **environment_for(const char *self, const char *addons) {
  size_t count = 0;
  while (environ[count] != NULL) count += 1;
  char **result = calloc(count + OWN_COUNT + 1, sizeof *result);
  if (result == NULL) return NULL;
  size_t at = 0;
  for (size_t index = 0; index < count; index += 1) {
    const char *entry = environ[index];
    // An older one, of a program that started this one.
    if (is_own(entry)) continue;
    if (!is_for_the_loader(entry)) result[at] = environ[index];
    else if (asprintf(&result[at], "%s%s", KEPT_PREFIX, entry) < 0) return NULL;
    at += 1;
  }
  if (asprintf(&result[at], "%s=%s", OWN[EXECUTABLE], self) < 0) return NULL;
  if (asprintf(&result[at + 1], "%s=%s", OWN[ADDONS], addons) < 0) return NULL;
  return result;
}

// What Node takes to start: with less it crashes, in ways that nobody can read. In KiB of addresses, as `ulimit -v` has it, and in
// open files; measured, and rounded up.
enum { LEAST_ADDRESSES_KIB = 2000000, LEAST_FILES = 32 };

static int has_room(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur / 1024 < LEAST_ADDRESSES_KIB) {
    say("ulimit -v %llu is too little for it: it needs %d", (unsigned long long)limit.rlim_cur / 1024, LEAST_ADDRESSES_KIB);
    return 0;
  }
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= LEAST_FILES) return 1;
  if (limit.rlim_max < LEAST_FILES) {
    say("ulimit -n %llu is too little for it: it needs %d", (unsigned long long)limit.rlim_max, LEAST_FILES);
    return 0;
  }
  // As Node does it by itself.
  limit.rlim_cur = LEAST_FILES;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

// Runs the program of `place`; returns only where that is not possible, with errno.
static void start(const struct place *place, const char *self, int count, char *arguments[]) {
  const char *own[] = {"converge", "--argv0", arguments[0], place->how, place->libraries, place->program};
  size_t own_count = sizeof own / sizeof *own;
  char **all = calloc(own_count + (size_t)count, sizeof *all);
  char **environment = environment_for(self, place->addons);
  // Not free again where it fails: the next place is the last thing that this process does.
  if (all == NULL || environment == NULL) {
    errno = ENOMEM;
    return;
  }
  memcpy(all, own, sizeof own);
  memcpy(all + own_count, arguments + 1, (size_t)(count - 1) * sizeof *all);
  signal(SIGXFSZ, size_signal);
  if (place->loader_file >= 0) fexecve(place->loader_file, all, environment);
  else execve(place->loader, all, environment);
  signal(SIGXFSZ, SIG_IGN);
}

int main(int count, char *arguments[]) {
  if (count < 1) return 127;
  const char *slash = strrchr(arguments[0], '/');
  if (arguments[0][0] != '\0') program_name = slash == NULL ? arguments[0] : slash + 1;
  if (!has_room()) return 126;
  opens_standard_files();

  char self[PATH_MAX];
  int file = opens_self(self);
  if (file < 0) {
    say("cannot read its own file (%s): mount /proc, or start it by a path that can be read", strerror(errno));
    return 126;
  }
  // Folders and variables are those of whoever starts it, and are not to be trusted with the rights of somebody else.
  if (getuid() != geteuid() || getgid() != getegid()) {
    say("%s does not run with the rights of its owner: chmod u-s,g-s it", self);
    return 126;
  }
  struct pack pack;
  if (!reads_pack(file, &pack)) {
    say("%s is incomplete or damaged: download it again, and compare its SHA-256 with the one on the relay's page", self);
    return 126;
  }

  // A limit on the size of files is an error like a full disk, here; the program has it as it was.
  size_signal = signal(SIGXFSZ, SIG_IGN);
  struct place place;
  struct search search = {0};
  while (finds_folder(&search, &pack, &place)) {
    start(&place, self, count, arguments);
    // Some ways of forbidding programs in a folder show only now.
    notes_failure(&search, place.folder, strerror(errno));
  }
  if (search.is_damaged) {
    say("%s is damaged: download it again, and compare its SHA-256 with the one on the relay's page", self);
    return 126;
  }
  if (fills_memory_files(&pack, &place)) {
    start(&place, self, count, arguments);
    notes_failure(&search, "a memory file", strerror(errno));
  } else {
    notes_failure(&search, "a memory file", place.why);
  }
  say("found no place to unpack itself to (%zu MB): %s. Set TMPDIR to a folder where programs may run",
      pack.unpacked >> 20, search.failures);
  return 126;
}
