// refuse-calls NAME… -- COMMAND…: runs the command with a seccomp filter under which these calls answer ENOSYS.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(name) {#name, SYS_##name}
static const struct { const char *name; unsigned number; } CALLS[] = {
  CALL(clone3), CALL(close_range), CALL(copy_file_range), CALL(epoll_pwait2), CALL(execveat), CALL(faccessat2),
  CALL(fanotify_init), CALL(fsync), CALL(io_pgetevents), CALL(io_uring_enter), CALL(io_uring_register), CALL(io_uring_setup),
  CALL(kcmp), CALL(membarrier), CALL(memfd_create), CALL(name_to_handle_at), CALL(openat2), CALL(perf_event_open),
  CALL(pidfd_getfd), CALL(pidfd_open), CALL(pidfd_send_signal), CALL(pkey_alloc), CALL(pkey_free), CALL(pkey_mprotect),
  CALL(process_madvise), CALL(renameat2), CALL(rseq), CALL(sched_setparam), CALL(setfsgid), CALL(setfsuid), CALL(statx),
  CALL(userfaultfd), CALL(vmsplice),
};
enum { COUNT = sizeof CALLS / sizeof *CALLS, FIRST_NEWER = SYS_epoll_pwait2 + 1 };

int main(int count, char *arguments[]) {
  struct sock_filter filter[2 * COUNT + 8];
  unsigned short length = 0;
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  int at = 1;
  for (; at < count && strcmp(arguments[at], "--") != 0; at += 1) {
    unsigned index = 0;
    while (index < COUNT && strcmp(CALLS[index].name, arguments[at]) != 0) index += 1;
    int is_newer = strcmp(arguments[at], "newer") == 0;
    if ((index == COUNT && !is_newer) || length + 4u > sizeof filter / sizeof *filter) {
      fprintf(stderr, "refuse-calls: no call %s, or too many\n", arguments[at]);
      return 125;
    }
    if (is_newer) filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_NEWER, 0, 1);
    else filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS[index].number, 0, 1);
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
  }
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {length, filter};
  if (at + 1 >= count || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("refuse-calls");
    return 125;
  }
  execvp(arguments[at + 1], arguments + at + 1);
  perror(arguments[at + 1]);
  return 127;
}
