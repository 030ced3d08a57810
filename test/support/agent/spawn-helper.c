// What node-pty's spawn-helper does on macOS, for Linux: it opens the terminal that it was given, which becomes its own, and becomes
// the program. argv is the directory, the file, and the arguments after the name.
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

int main(int count, char** argv) {
  if (count < 3) return 1;
  // On macOS the system has closed them (POSIX_SPAWN_CLOEXEC_DEFAULT).
  close_range(STDERR_FILENO + 1, ~0U, 0);
  const char* terminal = ttyname(STDIN_FILENO);
  if (terminal != NULL) close(open(terminal, O_RDWR));
  if (chdir(argv[1]) != 0) return 1;
  execvp(argv[2], argv + 2);
  return 1;
}
