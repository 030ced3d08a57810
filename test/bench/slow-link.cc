// A slow link between two network namespaces: whatever packet comes leaves at the other side after a time, in order.
//
//   slow-link NAMESPACE NAMESPACE MILLISECONDS      one way; the device is `slow` in both; it says "ready"
//
// A TUN device in each, and a queue each way. Unlike netem it needs no module of the kernel; nothing is lost or limited.
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <deque>
#include <string>
#include <vector>

namespace {

constexpr size_t MAX_PACKET_BYTES = 65536;

struct Packet {
  int64_t due;
  std::vector<uint8_t> bytes;
};

struct Direction {
  int from;
  int to;
  std::deque<Packet> packets = {};
};

[[noreturn]] void Fail(const char* what) {
  fprintf(stderr, "slow-link: %s: %s\n", what, strerror(errno));
  exit(1);
}

int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int DeviceIn(const char* name) {
  int space = open((std::string("/var/run/netns/") + name).c_str(), O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) Fail(name);
  close(space);
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) Fail("/dev/net/tun");
  ifreq request = {};
  strcpy(request.ifr_name, "slow");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(device, TUNSETIFF, &request) != 0) Fail("TUNSETIFF");
  return device;
}

void Take(Direction& way, int64_t delay) {
  static uint8_t buffer[MAX_PACKET_BYTES];
  for (;;) {
    ssize_t got = read(way.from, buffer, sizeof buffer);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) Fail("read");
    way.packets.push_back({Now() + delay, std::vector<uint8_t>(buffer, buffer + got)});
  }
}

/** Until something is due again; -1 if nothing waits. */
int64_t Give(Direction& way) {
  while (!way.packets.empty()) {
    Packet& first = way.packets.front();
    int64_t left = first.due - Now();
    if (left > 0) return left;
    // A device that is down takes nothing, as a cable that is out.
    if (write(way.to, first.bytes.data(), first.bytes.size()) < 0 && errno != EIO) Fail("write");
    way.packets.pop_front();
  }
  return -1;
}

}  // namespace

int main(int count, char** argv) {
  if (count != 4) {
    errno = EINVAL;
    Fail("arguments");
  }
  int one = DeviceIn(argv[1]);
  int other = DeviceIn(argv[2]);
  int64_t delay = atoll(argv[3]) * 1'000'000;
  Direction ways[] = {{.from = one, .to = other}, {.from = other, .to = one}};
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    int64_t least = -1;
    for (Direction& way : ways) {
      int64_t left = Give(way);
      if (left >= 0 && (least < 0 || left < least)) least = left;
    }
    timespec wait = {.tv_sec = least / 1'000'000'000, .tv_nsec = least % 1'000'000'000};
    pollfd polled[] = {{.fd = one, .events = POLLIN, .revents = 0}, {.fd = other, .events = POLLIN, .revents = 0}};
    if (ppoll(polled, 2, least < 0 ? nullptr : &wait, nullptr) < 0) Fail("ppoll");
    for (Direction& way : ways) Take(way, delay);
  }
}
