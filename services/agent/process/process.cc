// Processes: what sshd does with the kernel to start a program, and Node does not (pipes, terminals, fork to execve, wait).
//
// Everything is called from the main thread, so descriptors that are not close-on-exec yet never meet a fork. A failure is
// a negative number, the errno that the kernel gave.
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <node_api.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <v8.h>

#include "terminal.h"

// The reporting end of a child is moved here, above standard input, output and error; everything above is closed.
static const int REPORT_FD = 3;
// What a kernel without close_range (before 5.9) and no limit of descriptors is worth: the largest number looked at.
static const int CLOSE_LOOP_MAX = 65536;

static napi_value Integer(napi_env env, int64_t value) {
  napi_value result;
  napi_create_int64(env, value, &result);
  return result;
}

static int32_t IntegerFrom(napi_env env, napi_value value) {
  int32_t result = -1;
  napi_get_value_int32(env, value, &result);
  return result;
}

static void Set(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

// ── pipes and terminals ──

// openPipe(): { read, write }, both close-on-exec and blocking, or an errno.
static napi_value OpenPipe(napi_env env, napi_callback_info) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Integer(env, -errno);
  napi_value result;
  napi_create_object(env, &result);
  Set(env, result, "read", Integer(env, ends[0]));
  Set(env, result, "write", Integer(env, ends[1]));
  return result;
}

// openTerminal(columns, rows, modes: Uint32Array): { master, reader, slave, name }, or an errno. `reader` is the master once
// more, and neither blocks.
static napi_value OpenTerminal(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  uint32_t* modes = nullptr;
  size_t length = 0;
  napi_get_typedarray_info(env, arguments[2], nullptr, &length, (void**)&modes, nullptr, nullptr);
  struct Terminal terminal;
  int columns = IntegerFrom(env, arguments[0]);
  int rows = IntegerFrom(env, arguments[1]);
  int failure = terminal_open(&terminal, columns, rows, modes, length / 2);
  if (failure != 0) return Integer(env, -failure);
  napi_value result;
  napi_value name;
  napi_create_object(env, &result);
  napi_create_string_utf8(env, terminal.name, NAPI_AUTO_LENGTH, &name);
  Set(env, result, "master", Integer(env, terminal.master));
  Set(env, result, "reader", Integer(env, terminal.reader));
  Set(env, result, "slave", Integer(env, terminal.slave));
  Set(env, result, "name", name);
  return result;
}

// resizeTerminal(master, columns, rows): 0, or an errno.
static napi_value ResizeTerminal(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  int columns = IntegerFrom(env, arguments[1]);
  int rows = IntegerFrom(env, arguments[2]);
  return Integer(env, -terminal_resize(IntegerFrom(env, arguments[0]), columns, rows));
}

// ── fork to execve ──

struct Program {
  char* file;
  char* cwd;
  char** argv;
  char** env;
  int stdio[3];
  bool is_terminal;
};

// The bytes of a Buffer, with the zero that the kernel wants; null when it is not one.
static char* BytesFrom(napi_env env, napi_value value) {
  void* bytes = nullptr;
  size_t length = 0;
  if (napi_get_buffer_info(env, value, &bytes, &length) != napi_ok) return nullptr;
  char* copy = (char*)malloc(length + 1);
  if (copy == nullptr) return nullptr;
  if (length > 0) memcpy(copy, bytes, length);
  copy[length] = '\0';
  return copy;
}

static void FreeList(char** list) {
  for (char** item = list; item != nullptr && *item != nullptr; item++) free(*item);
  free(list);
}

// The Buffers of an array, ended by a null; null when one of them is not a Buffer.
static char** ListFrom(napi_env env, napi_value array) {
  uint32_t length = 0;
  napi_get_array_length(env, array, &length);
  char** list = (char**)calloc((size_t)length + 1, sizeof(char*));
  for (uint32_t index = 0; list != nullptr && index < length; index++) {
    napi_value item;
    napi_get_element(env, array, index, &item);
    list[index] = BytesFrom(env, item);
    if (list[index] != nullptr) continue;
    FreeList(list);
    return nullptr;
  }
  return list;
}

// From here on in the child: only what a signal handler may call.

static void CloseFrom(int first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
  long limit = sysconf(_SC_OPEN_MAX);
  int last = limit > 0 && limit < CLOSE_LOOP_MAX ? (int)limit : CLOSE_LOOP_MAX;
  for (int fd = first; fd < last; fd++) close(fd);
}

static void ResetSignals() {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  // The C library refuses the two that it uses itself, the kernel refuses KILL and STOP.
  for (int number = 1; number < NSIG; number++) sigaction(number, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] static void Execute(const struct Program* program, int report) {
  setsid();
  // Away from the low numbers first, or one would be overwritten before it is duplicated.
  int stdio[3];
  for (int index = 0; index < 3; index++) stdio[index] = fcntl(program->stdio[index], F_DUPFD, REPORT_FD + 1);
  report = fcntl(report, F_DUPFD, REPORT_FD + 1);
  if (program->is_terminal) ioctl(stdio[0], TIOCSCTTY, 0);
  bool is_ready = report >= 0;
  for (int index = 0; index < 3; index++) is_ready = is_ready && dup2(stdio[index], index) == index;
  is_ready = is_ready && dup3(report, REPORT_FD, O_CLOEXEC) == REPORT_FD;
  if (!is_ready) _exit(127);
  CloseFrom(REPORT_FD + 1);
  // Where to start was looked at before; it may be gone since.
  if (chdir(program->cwd) != 0 && chdir("/") != 0) _exit(127);
  ResetSignals();
  execve(program->file, program->argv, program->env);
  int failure = errno;
  ssize_t told;
  do told = write(REPORT_FD, &failure, sizeof failure);
  while (told < 0 && errno == EINTR);
  _exit(127);
}

// In the parent again.

// The child's errno of execve; 0 when the program runs, because then the pipe closes without a word.
static int AwaitReport(int report) {
  int failure = 0;
  ssize_t bytes;
  do bytes = read(report, &failure, sizeof failure);
  while (bytes < 0 && errno == EINTR);
  return bytes == (ssize_t)sizeof failure ? failure : 0;
}

static int64_t Start(const struct Program* program) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return -errno;
  // No handler of Node's may run in the child before all are reset.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = fork();
  int failure = errno;
  if (pid == 0) Execute(program, report[1]);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  close(report[1]);
  if (pid > 0) failure = AwaitReport(report[0]);
  close(report[0]);
  if (pid > 0 && failure == 0) return pid;
  if (pid > 0) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  return -failure;
}

// spawn(file, cwd, argv, env, stdio, isTerminal): the pid, or an errno. Bytes are Buffers; stdio is three descriptors,
// which stay open here.
static napi_value Spawn(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  size_t count = 6;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  struct Program program;
  program.file = BytesFrom(env, arguments[0]);
  program.cwd = BytesFrom(env, arguments[1]);
  program.argv = ListFrom(env, arguments[2]);
  program.env = ListFrom(env, arguments[3]);
  for (uint32_t index = 0; index < 3; index++) {
    napi_value fd;
    napi_get_element(env, arguments[4], index, &fd);
    program.stdio[index] = IntegerFrom(env, fd);
  }
  program.is_terminal = false;
  napi_get_value_bool(env, arguments[5], &program.is_terminal);
  bool is_complete = program.file && program.cwd && program.argv && program.env;
  int64_t result = is_complete ? Start(&program) : -EINVAL;
  free(program.file);
  free(program.cwd);
  FreeList(program.argv);
  FreeList(program.env);
  return Integer(env, result);
}

// ── the end ──

// collect(pid): the wait status of a child that has ended, undefined while it runs, or an errno.
static napi_value Collect(napi_env env, napi_callback_info info) {
  napi_value pid;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &pid, nullptr, nullptr);
  int number = IntegerFrom(env, pid);
  // Nought and below would be any child, of whomever.
  if (number <= 0) return Integer(env, -EINVAL);
  int status = 0;
  pid_t ended;
  do ended = waitpid(number, &status, WNOHANG);
  while (ended < 0 && errno == EINTR);
  if (ended < 0) return Integer(env, -errno);
  if (ended > 0) return Integer(env, status);
  napi_value undefined;
  napi_get_undefined(env, &undefined);
  return undefined;
}

// ── memory ──

// giveMemoryBack(): collects all that is garbage, of which V8 leaves much when nothing more is allocated, and gives the kernel the
// pages that then lie free between others; by itself the C library gives back those at the end of its heap alone.
static napi_value GiveMemoryBack(napi_env, napi_callback_info) {
  v8::Isolate::GetCurrent()->LowMemoryNotification();
  malloc_trim(0);
  return nullptr;
}

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {
      {"openPipe", OpenPipe}, {"openTerminal", OpenTerminal}, {"resizeTerminal", ResizeTerminal},
      {"spawn", Spawn},       {"collect", Collect},           {"giveMemoryBack", GiveMemoryBack},
  };
  for (const auto& entry : functions) {
    napi_value function;
    napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.call, nullptr, &function);
    Set(env, exports, entry.name, function);
  }
  return exports;
}
