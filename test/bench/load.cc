// The load of the relay's bench: sources that pour and sinks that count, many of each in one thread.
//
//   load raw|proxied|relayed
//
// What it relays through is told on standard input, a line each; every answer is a line on standard output:
//
//   raw, proxied (it listens, "port N" is its first line):
//     pairs PORT COUNT                    so many connections through the proxy on PORT, back to this one
//   relayed:
//     source PORT PATH                    one end of a session; its answer comes when the session is joined
//     sink PORT PATH                      the other
//   (whenever all ends are open that were asked for: "open", with how many there are)
//   run PAYLOAD TIMES zero|random PACK    each source pours TIMES units of PACK frames, one write each -> "done", which run, nanoseconds
//
// raw: bytes; proxied: WebSocket frames to a server that is here; relayed: to another client of the same relay.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr size_t BUFFER_BYTES = 256 * 1024;
/** A source makes room for the others after that much. */
constexpr size_t TURN_BYTES = 256 * 1024;
/** As much payload as this is dropped by the kernel, without a copy. */
constexpr uint64_t DROP_FROM_BYTES = 16 * 1024;
/** Below the time in which a relay wants a sign of life. */
constexpr int64_t ALIVE_EVERY_NS = 5'000'000'000;
constexpr int EVENTS = 256;

/** Nobody asked for it, which is allowed (RFC 6455 section 5.5.3). Masked with zeros. */
const uint8_t PONG[] = {0x8a, 0x80, 0, 0, 0, 0};

enum class Kind { raw, proxied, relayed };
/** greeted: what is awaited is the end of the other side's handshake. */
enum class State { greeted, open };

struct End {
  int fd;
  bool is_source;
  bool is_server = false;
  State state = State::open;
  std::string greeting;
  // A source: what is left to pour.
  uint64_t units = 0;
  size_t offset = 0;
  bool is_pouring = false;
  // A sink: where it is among the frames.
  uint8_t header[14];
  size_t header_size = 0;
  uint64_t payload_left = 0;
  bool is_data = false;
};

[[noreturn]] void Fail(const char* what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Kind kind;
int poll_fd;
int listener = -1;
std::vector<std::unique_ptr<End>> ends;
std::vector<uint8_t> unit;
std::vector<uint8_t> buffer(BUFFER_BYTES);
size_t awaited_ends = 0;
uint64_t awaited_bytes = 0;
int64_t began = 0;
int runs = 0;
int64_t alive_at = 0;

void Opened() {
  awaited_ends -= 1;
  if (awaited_ends > 0) return;
  printf("open %zu\n", ends.size());
  fflush(stdout);
}

void Watch(End& end, uint32_t events, int operation) {
  epoll_event event{.events = events, .data = {.ptr = &end}};
  if (epoll_ctl(poll_fd, operation, end.fd, &event) != 0) Fail("epoll_ctl");
}

End& Add(int fd, bool is_source, State state) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  ends.push_back(std::make_unique<End>(End{.fd = fd, .is_source = is_source, .state = state}));
  Watch(*ends.back(), EPOLLIN, EPOLL_CTL_ADD);
  return *ends.back();
}

sockaddr_in LocalAddress(int port) {
  return {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
}

void Dial(int port, const std::string& path, bool is_source) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = LocalAddress(port);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Fail("connect");
  awaited_ends += 1;
  if (kind == Kind::raw) {
    Add(fd, is_source, State::open);
    Opened();
    return;
  }
  std::string request = "GET " + path +
                        " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (kind == Kind::relayed) request += "Sec-WebSocket-Protocol: " SUBPROTOCOL "\r\n";
  request += "\r\n";
  if (write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) Fail("write");
  Add(fd, is_source, State::greeted);
}

void EndRunIfDone() {
  if (awaited_bytes > 0 || began == 0) return;
  runs += 1;
  printf("done %d %lld\n", runs, static_cast<long long>(Now() - began));
  fflush(stdout);
  began = 0;
}

void Count(uint64_t bytes) {
  if (bytes > awaited_bytes) {
    errno = EPROTO;
    Fail("more came than was sent");
  }
  awaited_bytes -= bytes;
}

size_t HeaderBytes(const End& end) {
  if (end.header_size < 2) return 2;
  size_t size = 2 + ((end.header[1] & 0x80) != 0 ? 4 : 0);
  switch (end.header[1] & 0x7f) {
    case 126:
      return size + 2;
    case 127:
      return size + 8;
    default:
      return size;
  }
}

void TakeHeader(End& end) {
  uint64_t length = end.header[1] & 0x7f;
  size_t bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (bytes > 0) length = 0;
  for (size_t at = 0; at < bytes; at += 1) length = length << 8 | end.header[2 + at];
  int opcode = end.header[0] & 0x0f;
  end.is_data = opcode <= 2;
  if (opcode == 8) {
    errno = ECONNRESET;
    Fail("closed");
  }
  end.payload_left = length;
  end.header_size = 0;
}

void TakeFrames(End& end, const uint8_t* bytes, size_t size) {
  while (size > 0) {
    if (end.payload_left > 0) {
      size_t taken = std::min<uint64_t>(size, end.payload_left);
      if (end.is_data) Count(taken);
      end.payload_left -= taken;
      bytes += taken;
      size -= taken;
      continue;
    }
    end.header[end.header_size++] = *bytes++;
    size -= 1;
    if (end.header_size >= 2 && end.header_size == HeaderBytes(end)) TakeHeader(end);
  }
}

/** Its handshake, byte by byte: what follows is frames. */
void Greet(End& end) {
  char byte;
  while (end.state == State::greeted) {
    ssize_t got = read(end.fd, &byte, 1);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) Fail("no handshake");
    end.greeting += byte;
    if (!end.greeting.ends_with("\r\n\r\n")) continue;
    end.state = State::open;
    if (end.is_server) {
      static const std::string ANSWER =
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
      if (write(end.fd, ANSWER.data(), ANSWER.size()) < 0) Fail("write");
    } else if (end.greeting.compare(0, 12, "HTTP/1.1 101") != 0) {
      fprintf(stderr, "%s", end.greeting.c_str());
      Fail("handshake");
    }
    Opened();
  }
}

void Drain(End& end) {
  bool is_framed = kind != Kind::raw;
  for (;;) {
    bool is_dropped = is_framed && end.payload_left >= DROP_FROM_BYTES;
    size_t wanted = is_dropped ? std::min<uint64_t>(end.payload_left, BUFFER_BYTES) : BUFFER_BYTES;
    ssize_t got = recv(end.fd, buffer.data(), wanted, is_dropped || !is_framed ? MSG_TRUNC : 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) Fail("a connection ended");
    if (end.is_source) continue;
    if (!is_framed) {
      Count(got);
    } else if (is_dropped) {
      if (end.is_data) Count(got);
      end.payload_left -= got;
    } else {
      TakeFrames(end, buffer.data(), got);
    }
    if (static_cast<size_t>(got) < wanted) return;
  }
}

void Pour(End& end) {
  for (size_t poured = 0; end.units > 0 && poured < TURN_BYTES;) {
    ssize_t sent = send(end.fd, unit.data() + end.offset, unit.size() - end.offset, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) Fail("send");
    poured += sent;
    end.offset += sent;
    if (end.offset < unit.size()) continue;
    end.offset = 0;
    end.units -= 1;
  }
  if (end.units > 0 || !end.is_pouring) return;
  end.is_pouring = false;
  Watch(end, EPOLLIN, EPOLL_CTL_MOD);
}

void MakeUnit(size_t payload, bool is_masked, size_t pack) {
  std::vector<uint8_t> header;
  if (kind != Kind::raw) {
    header = {0x82, 0};
    size_t bytes = payload < 126 ? 0 : payload < 65536 ? 2 : 8;
    header[1] = 0x80 | (bytes == 0 ? payload : bytes == 2 ? 126 : 127);
    for (size_t at = bytes; at > 0; at -= 1) header.push_back(payload >> (8 * (at - 1)));
    for (int at = 0; at < 4; at += 1) header.push_back(is_masked ? 0x5a + at : 0);
  }
  size_t frame = header.size() + payload;
  unit.resize(frame * pack);
  // Of /dev/urandom 256 bytes come in one piece.
  for (size_t at = 0; at < unit.size(); at += 256)
    if (getrandom(unit.data() + at, std::min<size_t>(256, unit.size() - at), 0) < 0) Fail("getrandom");
  for (size_t at = 0; at < unit.size(); at += frame) memcpy(unit.data() + at, header.data(), header.size());
}

void Run(size_t payload, uint64_t times, bool is_masked, size_t pack) {
  MakeUnit(payload, is_masked, pack);
  began = Now();
  for (const auto& end : ends)
    if (end->is_source) awaited_bytes += payload * pack * times;
  for (const auto& end : ends) {
    if (!end->is_source) continue;
    end->units = times;
    end->is_pouring = true;
    Watch(*end, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }
}

void Obey(const std::string& line) {
  char word[16] = "", rest[512] = "";
  int port = 0;
  if (sscanf(line.c_str(), "run %d %511[^\n]", &port, rest) == 2) {
    unsigned long long times = 0;
    unsigned pack = 0;
    char mask[16] = "";
    if (sscanf(rest, "%llu %15s %u", &times, mask, &pack) != 3) Fail("run");
    Run(port, times, strcmp(mask, "random") == 0, pack);
  } else if (sscanf(line.c_str(), "pairs %d %511s", &port, rest) == 2) {
    // Two ends of each: this one, and what the proxy brings.
    int count = atoi(rest);
    awaited_ends += count;
    for (int at = 0; at < count; at += 1) Dial(port, "/", true);
  } else if (sscanf(line.c_str(), "%15s %d %511s", word, &port, rest) == 3) {
    Dial(port, rest, strcmp(word, "source") == 0);
  } else {
    Fail("a line that it does not know");
  }
}

void HearLines() {
  static std::string heard;
  char bytes[4096];
  ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
  if (got <= 0) exit(0);
  heard.append(bytes, got);
  for (size_t end; (end = heard.find('\n')) != std::string::npos; heard.erase(0, end + 1)) Obey(heard.substr(0, end));
}

void Listen() {
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = LocalAddress(0);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 1024) != 0) Fail("listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &listener}};
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
  printf("port %d\n", ntohs(address.sin_port));
  fflush(stdout);
}

void Accept() {
  for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    if (kind == Kind::proxied) {
      Add(fd, false, State::greeted).is_server = true;
      continue;
    }
    Add(fd, false, State::open);
    Opened();
  }
}

/** The relay cuts who is silent; a lane waits for its turn longer than that. Never in the middle of a frame. */
void StayAlive() {
  if (kind != Kind::relayed || Now() < alive_at) return;
  alive_at = Now() + ALIVE_EVERY_NS;
  for (const auto& end : ends) {
    if (end->state != State::open || end->offset > 0) continue;
    if (send(end->fd, PONG, sizeof PONG, MSG_NOSIGNAL) != sizeof PONG && errno != EAGAIN) Fail("pong");
  }
}

}  // namespace

int main(int, char** argv) {
  std::string name = argv[1] == nullptr ? "" : argv[1];
  kind = name == "raw" ? Kind::raw : name == "proxied" ? Kind::proxied : Kind::relayed;
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  if (kind != Kind::relayed) Listen();
  for (;;) {
    epoll_event events[EVENTS];
    int count = epoll_wait(poll_fd, events, EVENTS, 1000);
    for (int at = 0; at < count; at += 1) {
      void* about = events[at].data.ptr;
      if (about == nullptr) {
        HearLines();
      } else if (about == &listener) {
        Accept();
      } else {
        End& end = *static_cast<End*>(about);
        if (end.state == State::greeted) Greet(end);
        if (end.state == State::open && (events[at].events & ~EPOLLOUT) != 0) Drain(end);
        if ((events[at].events & EPOLLOUT) != 0) Pour(end);
      }
    }
    EndRunIfDone();
    StayAlive();
  }
}
