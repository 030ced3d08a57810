// The probe: stands for the program in tests of the launcher. Says how it was started, one fact a line.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char *arguments[]) {
  const char *const names[] = {"CONVERGE_EXECUTABLE", "CONVERGE_KEPT_LD_PRELOAD", "LD_PRELOAD", "LD_LIBRARY_PATH", "CONVERGE_ADDONS"};
  for (int at = 0; at < count; at += 1) printf("argument %d: %s\n", at, arguments[at]);
  for (size_t at = 0; at < sizeof names / sizeof *names; at += 1) {
    const char *value = getenv(names[at]);
    if (value != NULL) printf("%s: %s\n", names[at], value);
  }
  char exe[4096];
  ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
  if (length > 0) printf("exe: %.*s\n", (int)length, exe);
  char errors[4096];
  length = readlink("/proc/self/fd/2", errors, sizeof errors - 1);
  if (length > 0) printf("errors go to: %.*s\n", (int)length, errors);
  struct sigaction action;
  sigaction(SIGXFSZ, NULL, &action);
  printf("ignores SIGXFSZ: %s\n", action.sa_handler == SIG_IGN ? "yes" : "no");
  return 42;
}
