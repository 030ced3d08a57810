// The floor of the relay's bench: a TCP proxy whose bytes stay in the kernel, by splice(2) through a pipe each way.
//
//   kernel-splice PORT      the port to connect to; it prints its own
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <initializer_list>

namespace {

/** What a pipe may hold at most without a privilege is 1 MiB; this is what the kernel moves in one call. */
constexpr size_t PIPE_BYTES = 256 * 1024;
constexpr int EVENTS = 64;

struct Leg {
  int fd;
  Leg* peer = nullptr;
  // What was read here and not sent there.
  int pipe[2];
  size_t held = 0;
};

[[noreturn]] void Fail(const char* what) {
  fprintf(stderr, "kernel-splice: %s: %s\n", what, strerror(errno));
  exit(1);
}

int poll_fd;

sockaddr_in LocalAddress(int port) {
  return {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
}

Leg* LegOf(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  Leg* leg = new Leg{.fd = fd, .pipe = {}};
  if (pipe2(leg->pipe, O_NONBLOCK | O_CLOEXEC) != 0) Fail("pipe2");
  // Refused where pipes of one user hold too much already: it works with less.
  fcntl(leg->pipe[0], F_SETPIPE_SZ, PIPE_BYTES);
  return leg;
}

/** Moves from one leg to its peer until nothing comes or nothing is taken. Both are edge-triggered. */
void Move(Leg& from) {
  constexpr unsigned FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
  for (;;) {
    while (from.held > 0) {
      ssize_t sent = splice(from.pipe[0], nullptr, from.peer->fd, nullptr, from.held, FLAGS);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent <= 0) Fail("splice to a socket");
      from.held -= sent;
    }
    ssize_t got = splice(from.fd, nullptr, from.pipe[1], nullptr, PIPE_BYTES, FLAGS);
    if (got < 0 && errno == EAGAIN) return;
    // The bench ends it with a signal: an end is nothing to go on from.
    if (got <= 0) Fail("splice from a socket");
    from.held = got;
  }
}

}  // namespace

int main(int, char** argv) {
  sockaddr_in target = LocalAddress(atoi(argv[1] == nullptr ? "0" : argv[1]));
  sockaddr_in own = LocalAddress(0);
  socklen_t size = sizeof own;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<sockaddr*>(&own), size) != 0 || listen(listener, 1024) != 0) Fail("listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&own), &size);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  epoll_event awaited{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &awaited);
  printf("port %d\n", ntohs(own.sin_port));
  fflush(stdout);
  for (;;) {
    epoll_event events[EVENTS];
    int count = epoll_wait(poll_fd, events, EVENTS, -1);
    for (int at = 0; at < count; at += 1) {
      if (Leg* leg = static_cast<Leg*>(events[at].data.ptr)) {
        if ((events[at].events & EPOLLIN) != 0) Move(*leg);
        if ((events[at].events & EPOLLOUT) != 0) Move(*leg->peer);
        continue;
      }
      Leg* near = LegOf(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
      Leg* far = LegOf(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      int done = connect(far->fd, reinterpret_cast<sockaddr*>(&target), sizeof target);
      if (done != 0 && errno != EINPROGRESS) Fail("connect");
      near->peer = far;
      far->peer = near;
      for (Leg* leg : {near, far}) {
        epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = leg}};
        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, leg->fd, &event) != 0) Fail("epoll_ctl");
      }
    }
  }
}
